"""Poisoning against its baselines, as in Figure 6: how poisoned nets classify the test images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import click
from pydantic import Field

from dd.distill.settings import POISONING
from dd.report.artefact import Section, options
from dd.report.figures.kind import PICTURES_AND_NUMBERS, Drawing, FigureArtefact, FigureKind
from dd.report.figures.poisoning_claims import COMPARISON
from dd.report.measurements import read_measured
from dd.report.seeds import merged_seeds
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT
from dd.runtime.settings_model import Name, Names, OrEmpty

BASELINES_BESIDE = ("random", "optimized", "k_means", "average")
"""The baselines that the figure shows beside an experiment. A new baseline is shown if it is named here."""


class Bars(FigureArtefact[list[str]]):
    """A figure of the section `bars`, whose entry is a list of experiments."""

    rule = "draw_bars"
    command = "bars"
    section = Section(
        "bars",
        dict[Name, Annotated[OrEmpty[Names], Field(description="experiments with an attack_class")]],
        Field(description="Figures of poisoning against its baselines, by name."),
    )
    outputs = PICTURES_AND_NUMBERS

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments(self.key)
        given = self.run.experiments
        for name in self.entry:
            if not given[name].attacks:
                raise UserError(f"{self.key}: {name} has no attack_class; give it one, or leave it out here")
        self.check_rows({name: (given[name].dataset,) for name in self.entry})  # a dataset has one panel

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        files = self.run.files
        measured = self.evaluated()
        measured += [files.baseline(name, baseline) for name in self.entry for baseline in BASELINES_BESIDE]
        return {"metrics": measured}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        return [*options("--metrics", self.inputs()["metrics"]), "--scale", self.run.files.scale]

    def measurements(self) -> list[str]:
        """See `Artefact`."""
        return [self.path("csv")]

    def caption(self) -> str:
        """See `Artefact`."""
        return (
            f"Poisoning (Section 3.6), scale ``{self.run.files.scale}``: held-out nets, well trained, after training "
            "on images made so that one class is taken for another, beside real images with the attacker's labels. "
            "Mean and standard deviation over nets and sets; a set of ours is a seed. A baseline has the learning "
            "rate of the highest accuracy by the attacker's labels, among the rates that mislead at least 10 %."
        )


def draw(*, metrics: Sequence[Path], scale: str) -> Drawing:
    """Draw bars of CSVs of `dd evaluate` and `dd baseline`.

    Raises:
        UserError: a CSV is not of a set made for poisoning, or as `merged_seeds` and `poisoning_rows` raise it.
    """
    from dd.report.figures.poisoning_drawing import poisoning_picture, poisoning_rows

    tables = [read_measured(path) for path in metrics]
    for path, table in zip(metrics, tables, strict=True):
        missing = set(POISONING).difference(table, ["attacked"])  # which files of earlier versions lack
        if missing:
            raise UserError(
                f"{path}: lacks {min(missing)}; measure it anew, of a set made for poisoning (attack_class)"
            )
    rows = poisoning_rows(merged_seeds(metrics, tables), scale)
    return Drawing(poisoning_picture(rows), rows)


FIGURE = FigureKind(
    name="poisoning",
    order=3,
    module=__name__,
    artefact=Bars,
    command=Bars.command,
    help="""Draw how poisoned nets classify, beside nets poisoned with real images, as in the paper's Figure 6.

    \b
    Example, of a set with an attack_class:
      python -m dd bars --metrics accuracy.csv --metrics random.csv --scale mine --table bars.csv --out bars.png
    """,
    options=(
        click.Option(
            ["--metrics"],
            type=INPUT,
            required=True,
            multiple=True,
            help="CSV of `dd evaluate` or `dd baseline`; may be repeated, also with further seeds of a method.",
        ),
        click.Option(["--scale"], required=True, help="Name of the scale, for the figure."),
    ),
    table_option=click.Option(
        ["--table", "table_path"], type=OUTPUT, required=True, help="CSV of the numbers, to write."
    ),
    draw=draw,
    comparison=COMPARISON,
)
