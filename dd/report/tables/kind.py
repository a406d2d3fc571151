"""The declaration of a kind of table. A new kind needs only a file in this package with a `KIND`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click

from dd.report.artefact import Artefact, Entry

Texts = Mapping[str, Callable[[], str]]
"""By the ending of a file, such as `.md`: a function that makes the text of that file."""


class TableArtefact(Artefact[Entry]):
    """A table."""

    folder = "tables"
    category = "Tables"
    noun = "table"
    outputs = dict.fromkeys(("csv", "md", "tex", "html"), "--out")
    shown = "html"


@dataclass(frozen=True, kw_only=True)
class TableKind:
    """A kind of table: its command, and how such tables stand in config.yaml."""

    name: str
    order: int
    """Its place among the kinds."""
    artefact: type[TableArtefact]
    """The class of such tables, for config.yaml and the workflow."""
    help: str
    """The help of the command, with an example."""
    options: tuple[click.Parameter, ...]
    """The options of the command, except for the one that names the files to write."""
    texts: Callable[..., Texts]
    """Takes the values of the options as keyword arguments, and returns the texts."""
