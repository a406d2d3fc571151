"""Poisoning against its baselines, as in Figure 6: how poisoned nets classify the test images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import click
from pydantic import Field

from dd.distill.settings import POISONING
from dd.report.artefact import Section, options
from dd.report.comparison_source import ComparisonSource
from dd.report.figures.kind import PICTURES_AND_NUMBERS, Drawing, FigureArtefact, FigureKind
from dd.report.measurements import read_measured
from dd.report.reported import PaperClaim, PaperNumber, Place, Reported
from dd.report.verdicts import JudgedClaim, MeasuredNumber
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT
from dd.runtime.settings_model import Name, Names

if TYPE_CHECKING:
    import pandas as pd


class Attack(NamedTuple):
    """What the paper, or the authors' project page, reports about poisoned nets."""

    net: str
    misled: Reported
    """Figure 6b, ours: percent of the attacked class taken for the target class."""
    before: Reported
    """Accuracy of the nets before they are poisoned, by the true labels."""


ATTACKS = {
    "mnist": Attack("LeNet", misled=Reported(71.4, 29.6), before=Reported(98.6, 0.5)),
    "cifar10": Attack("AlexCifarNet", misled=Reported(45.9, 18.1), before=Reported(78.2, 1.1)),
}
"""The attacks of the paper, by dataset."""
ATTACK_SETTING = {
    "init": "random_pretrained",
    "steps": 1,
    "epochs": 1,
    "attack_class": 0,
    "target_class": 1,
    "distilled_images": 100,
}
"""The setting that all attacks of the paper share."""
OURS = "ours"
"""The name of our method in the numbers and bars."""
BASELINES_BESIDE = ("random", "optimized", "k_means", "average")
"""The baselines that the figure shows beside an experiment. A new baseline is shown if it is named here."""
ABOVE_BASELINES = "Ours above the best baseline by the attacker's labels"
AS_OFTEN_AS_SOME = "Ours misleads as often as some baselines, within 5 points"
MORE_OFTEN_THAN_ALL = "Ours misleads more often than every baseline"
OTHERS_STAY = "The other classes stay within 5 points"
MISLEADS_MOST = ("cifar10",)
"""The datasets on which, as the paper says, ours misleads more often than all baselines."""


def paper_setting(dataset: str) -> dict[str, object]:
    """The setting of Figure 6 by column; empty for a dataset that the paper does not attack."""
    return {"net": ATTACKS[dataset].net, **ATTACK_SETTING} if dataset in ATTACKS else {}


def attack_claims(dataset: str) -> tuple[str, str, str]:
    """The paper's claims about the attack on a dataset. Other datasets get the claims about MNIST."""
    misleads = MORE_OFTEN_THAN_ALL if dataset in MISLEADS_MOST else AS_OFTEN_AS_SOME
    return ABOVE_BASELINES, misleads, OTHERS_STAY


class Bars(FigureArtefact[list[str]]):
    """A figure of the section `bars`, whose entry is a list of experiments."""

    rule = "draw_bars"
    command = "bars"
    section = Section(
        "bars",
        dict[Name, Annotated[Names, Field(description="experiments with an attack_class")]],
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
        measured = [files.evaluated(name) for name in self.entry]
        measured += [files.baseline(name, baseline) for name in self.entry for baseline in BASELINES_BESIDE]
        return {"metrics": measured}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        return [*options("--metrics", self.inputs()["metrics"]), "--scale", self.run.files.scale]

    def measurements(self) -> str:
        """See `Artefact`."""
        return self.path("csv")

    def caption(self) -> str:
        """See `Artefact`."""
        return (
            f"Poisoning (Section 3.6), scale ``{self.run.files.scale}``: held-out nets, well trained, after training "
            "on images made so that one class is taken for another, beside real images with the attacker's labels. "
            "Mean and standard deviation over nets and sets. A baseline has the learning rate of the highest accuracy "
            "by the attacker's labels, among the rates that mislead at least 10 %."
        )


def draw(*, metrics: Sequence[Path], scale: str) -> Drawing:
    """Draw bars of CSVs of `dd evaluate` and `dd baseline`.

    Raises:
        UserError: a CSV is not of a set made for poisoning, or as `poisoning_rows` raises it.
    """
    from dd.report.figures.poisoning_drawing import poisoning_picture, poisoning_rows

    tables = [read_measured(path) for path in metrics]
    for path, table in zip(metrics, tables, strict=True):
        missing = set(POISONING).difference(table)
        if missing:
            raise UserError(
                f"{path}: lacks {min(missing)}; measure it anew, of a set made for poisoning (attack_class)"
            )
    rows = poisoning_rows(tables, scale)
    return Drawing(poisoning_picture(rows), rows)


def _paper_numbers() -> Iterator[PaperNumber]:
    for dataset, attack in ATTACKS.items():
        yield PaperNumber(Place("fig6", dataset), "misled", "Attacked class taken for the target", attack.misled)
    for dataset, attack in ATTACKS.items():
        yield PaperNumber(Place("fig6", dataset), "nets", "Nets before, by the true labels", attack.before)


def _measured_numbers(name: str, rows: pd.DataFrame) -> Iterator[MeasuredNumber]:
    if name != "fig6":
        return
    for _, row in rows[rows["method"] == OURS].iterrows():
        place = Place(name, row["dataset"])
        same = all(row[key] == value for key, value in paper_setting(row["dataset"]).items())
        if row["measure"] == "misled":
            yield MeasuredNumber(place, "misled", row["mean"], row["std"], row["nets"], row["sets"], same)
        if row["measure"] == "clean":
            yield MeasuredNumber(place, "nets", row["before"], row["before_std"], row["nets"], row["sets"], same)


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    from dd.report.figures.poisoning_drawing import judge_attack

    for name, rows in tables.items():
        for dataset, of_dataset in rows.groupby("dataset", sort=False):
            for verdict in judge_attack(of_dataset):
                yield JudgedClaim(Place(name, str(dataset)), verdict)


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
            help="CSV of `dd evaluate` or `dd baseline`; may be repeated.",
        ),
        click.Option(["--scale"], required=True, help="Name of the scale, for the figure."),
    ),
    table_option=click.Option(
        ["--table", "table_path"], type=OUTPUT, required=True, help="CSV of the numbers, to write."
    ),
    draw=draw,
    comparison=ComparisonSource(
        csv_kind="poisoning",
        task_column="dataset",
        tasks={"fig6": tuple(ATTACKS)},
        numbers=tuple(_paper_numbers()),
        claims=tuple(
            PaperClaim(Place("fig6", dataset), text) for dataset in ATTACKS for text in attack_claims(dataset)
        ),
        measure=_measured_numbers,
        judge=_judged,
    ),
)
