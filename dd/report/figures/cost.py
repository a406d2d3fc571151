"""Accuracy against the time of distillation, for several experiments in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
from pydantic import Field

from dd.report.artefact import Section, options
from dd.report.figures.kind import Drawing, FigureArtefact, FigureKind
from dd.report.measurements import HISTORY_COLUMNS, read_table
from dd.runtime.paths import INPUT
from dd.runtime.settings_model import Name, Names, OrEmpty

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Cost(FigureArtefact[list[str]]):
    """A figure of the section `costs`, whose entry is a list of experiments."""

    rule = "draw_cost"
    command = "cost"
    section = Section(
        "costs",
        dict[Name, Annotated[OrEmpty[Names], Field(description="experiments, a line each")]],
        Field(default_factory=dict, description="Pictures of accuracy against the time of distillation, by name."),
    )

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"histories": [self.run.files.history(name) for name in self.experiments()]}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        return options("--history", self.inputs()["histories"])

    def caption(self) -> str:
        """See `Artefact`."""
        return (
            f"Accuracy against the time of distillation at scale ``{self.run.files.scale}``: mean and one standard "
            "deviation over held-out networks, on training images that were held out."
        )


def cost_picture(histories: dict[str, pd.DataFrame]) -> Figure:
    """Accuracy on validation images against minutes, a line for each history; one standard deviation over nets."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, history in histories.items():
        rows = history[history["meta_step"] > 0]
        minutes, accuracy, std = rows["seconds"] / 60, rows["accuracy"], rows["accuracy_std"].fillna(0)
        (line,) = axes.plot(minutes, accuracy, marker="o", markersize=3, label=f"{name}: {accuracy.iloc[-1]:.1f}")
        axes.fill_between(minutes, accuracy - std, accuracy + std, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.minorticks_off()
    axes.set_xlabel("minutes of distillation", fontsize=8)
    axes.set_ylabel("accuracy on held-out training images, %", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize=8, title="at last", title_fontsize=8)
    return figure


def draw(*, histories: Sequence[Path]) -> Drawing:
    """Draw histories. Each is named by the folder that its file lies in."""
    tables = {
        path.resolve().parent.name: read_table(path, HISTORY_COLUMNS | {"seconds"}, "distill --history", kind="history")
        for path in histories
    }
    return Drawing(cost_picture(tables))


FIGURE = FigureKind(
    name="cost",
    order=6,
    module=__name__,
    artefact=Cost,
    command=Cost.command,
    help="""Draw the accuracy of several distillations against the time that they took.

    \b
    Example:
      python -m dd cost --history short/history.csv --history long/history.csv --out cost.png
    """,
    options=(
        click.Option(
            ["--history", "histories"],
            type=INPUT,
            required=True,
            multiple=True,
            help="CSV that `dd distill` writes, named by its folder; may be repeated.",
        ),
    ),
    draw=draw,
)
