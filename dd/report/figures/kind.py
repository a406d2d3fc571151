"""What a kind of figure says of itself; a file of this package with a `FIGURE` is all that a new one needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from dd.report.comparison_source import ComparisonSource

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FILE = click.Path(path_type=Path, dir_okay=False)
"""The type of an option that names a file."""


class Drawing(NamedTuple):
    """What a command draws."""

    picture: Figure
    table: pd.DataFrame | None = None
    """The numbers in it, for the file that `FigureKind.table_option` names."""
    sentences: Sequence[str] = ()
    """Lines that the command prints."""


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure: its command, and what the paper reports of such figures."""

    name: str
    order: int
    """Its place among the kinds."""
    module: str
    """Of the file that declares it, whose change draws it anew."""
    section: str
    """The section of config.yaml with one entry a figure of this kind; empty where it has none."""
    caption: str
    """The file in workflow/report with the caption."""
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
    baselines: tuple[str, ...] = ()
    """The baselines whose measurements it shows beside an experiment's."""
    comparison: ComparisonSource | None = None
    """The paper's numbers and claims, if it has any."""
