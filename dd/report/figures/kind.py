"""What a kind of figure says of itself; a file of this package with a `FIGURE` is all that a new one needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import click

from dd.report.artefact import Artefact, Entry
from dd.report.comparison_source import ComparisonSource

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PICTURES = {"png": "--out", "pdf": "--out"}
"""The outputs of a figure."""
PICTURES_AND_NUMBERS = {"csv": "--table", **PICTURES}
"""The outputs of a figure whose numbers are written too."""


class Drawing(NamedTuple):
    """What a command draws."""

    picture: Figure
    table: pd.DataFrame | None = None
    """The numbers in it, for the file that `FigureKind.table_option` names."""
    sentences: Sequence[str] = ()
    """Lines that the command prints."""


class FigureArtefact(Artefact[Entry]):
    """A figure."""

    folder = "figures"
    category = "Figures"
    noun = "figure"
    outputs = PICTURES
    shown = "png"


@dataclass(frozen=True, kw_only=True)
class FigureKind:
    """A kind of figure: its command, what config.yaml says of such figures, and what the paper reports of them."""

    name: str
    order: int
    """Its place among the kinds."""
    module: str
    """Of the file that declares it, whose change draws it anew."""
    command: str
    """`python -m dd <command>` draws one."""
    help: str
    """What the command says of itself, with an example."""
    options: tuple[click.Parameter, ...]
    """Of the command, without those for the files it writes."""
    draw: Callable[..., Drawing]
    """Gets the values of the options by name."""
    table_option: click.Option | None = None
    """Where the numbers are written, if they are."""
    artefact: type[FigureArtefact] | None = None
    """How config.yaml and the workflow make such figures, where they do so by name."""
    comparison: ComparisonSource | None = None
    """The paper's numbers and claims, if it has any."""
