"""The declaration of a kind of figure. A new kind needs only a file in this package with a `FIGURE`."""

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
"""The outputs of a figure of which the numbers are written too."""


class Drawing(NamedTuple):
    """What a command has drawn."""

    picture: Figure
    table: pd.DataFrame | None = None
    """The numbers in the picture, for the file that `FigureKind.table_option` names."""
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
    """A kind of figure: its command, how such figures stand in config.yaml, and what the paper reports in them."""

    name: str
    order: int
    """Its place among the kinds."""
    module: str
    """The module that declares it. Its figures are drawn anew when that changes."""
    command: str
    """`python -m dd <command>` draws one."""
    help: str
    """The help of the command, with an example."""
    options: tuple[click.Parameter, ...]
    """The options of the command, except for those that name the files to write."""
    draw: Callable[..., Drawing]
    """Takes the values of the options as keyword arguments, and draws."""
    table_option: click.Option | None = None
    """The option for the file of the numbers, if the command writes one."""
    artefact: type[FigureArtefact] | None = None
    """The class of such figures, for config.yaml and the workflow; None if users cannot name one there."""
    comparison: ComparisonSource | None = None
    """The paper's numbers and claims, if it has any."""
