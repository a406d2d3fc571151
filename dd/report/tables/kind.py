"""What a kind of table says of itself; a file of this package with a `KIND` is all that a new one needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click

from dd.report.artefact import Artefact, Entry

Texts = Mapping[str, Callable[[], str]]
"""For the ending of each file that a table can be written to, such as `.md`, what makes its text."""


class TableArtefact(Artefact[Entry]):
    """A table."""

    folder = "tables"
    category = "Tables"
    noun = "table"
    outputs = dict.fromkeys(("csv", "md", "tex", "html"), "--out")
    shown = "html"


@dataclass(frozen=True, kw_only=True)
class TableKind:
    """A kind of table: its command, and what config.yaml says of such tables."""

    name: str
    order: int
    """Its place among the kinds."""
    artefact: type[TableArtefact]
    """How config.yaml and the workflow make such tables."""
    help: str
    """What the command says of itself, with an example."""
    options: tuple[click.Parameter, ...]
    """Of the command, without that for the files it writes."""
    texts: Callable[..., Texts]
    """Gets the values of the options by name."""
