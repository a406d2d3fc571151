"""Pictures of distilled images, as in Figures 2 and 3, with the accuracy of nets in the title."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from pydantic import Field

from dd.report.artefact import Section, options
from dd.report.comparison_source import ComparisonSource
from dd.report.figures.image_grid import TITLE_POINTS, TITLE_WIDTH, images_picture
from dd.report.figures.kind import Drawing, FigureArtefact, FigureKind
from dd.report.formatting import mean_std, wider_interval
from dd.report.measurements import Pooled, check_set
from dd.report.provenance import data_lines, with_provenance
from dd.report.records import DISTILLED_EPOCHS, FULL_TRAINING, PaperClaim, PaperNumber, Place, Reported
from dd.report.seeds import SEED, over_seeds, read_seeds, seeds_text
from dd.report.verdicts import ClaimVerdict, JudgedClaim, MeasuredNumber
from dd.report.wording import display_name, made_with, small_print
from dd.runtime.errors import UserError
from dd.runtime.number_lists import number_list
from dd.runtime.paths import INPUT
from dd.runtime.settings_model import Counts, Name, OrEmpty, Settings

if TYPE_CHECKING:
    import pandas as pd

    from dd.distill.distilled_set import DistilledSet


class ReportedImages(NamedTuple):
    """A figure of the paper. Its title says how accurate nets are."""

    dataset: str
    init: str
    net: str
    steps: int
    images: int
    """The number of distilled images, over all steps."""
    stages: dict[str, Reported]
    """`before` and `after` training on the images."""
    printed_as: tuple[str, str] | None = None
    """The table and row that print the accuracy after training too."""


PAPER_FIGURES = {
    "fig2a": ReportedImages("mnist", "fixed", "LeNet", 1, 10, {"before": Reported(12.90), "after": Reported(93.76)}),
    "fig2b": ReportedImages(
        "cifar10",
        "fixed",
        "AlexCifarNet",
        10,
        100,
        {"before": Reported(8.82), "after": Reported(54.03)},
        ("table1", "fixed"),
    ),
    "fig3a": ReportedImages(
        "mnist", "random", "LeNet", 10, 100, {"after": Reported(79.50, 8.08)}, ("table1", "random init")
    ),
    "fig3b": ReportedImages(
        "cifar10", "random", "AlexCifarNet", 10, 100, {"after": Reported(36.79, 1.18)}, ("table1", "random init")
    ),
}
STAGE_LABELS = {"before": "before training on the distilled images", "after": "after it"}
BEFORE_REMARK = "chance, by the draw of one net"
FEW_ARE_BETTER = "A few images for one known net do better than more for any net"
FEW_COME_CLOSE = "Ten images for one known net come within 10 points of full training"


class PictureSection(Settings):
    """A picture of distilled images."""

    experiment: str
    """the experiment whose images it shows"""
    steps: Counts
    """GD steps that are shown, counted from 1"""


class Picture(FigureArtefact[PictureSection]):
    """A figure of the section `figures`."""

    rule = "draw_figure"
    command = "figure"
    section = Section(
        "figures", dict[Name, OrEmpty[PictureSection]], Field(description="Pictures of distilled images, by name.")
    )

    def named(self) -> list[str]:
        """See `Artefact`."""
        return [self.entry.experiment]

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments(f"{self.key}.experiment")
        steps = self.run.experiments[self.entry.experiment].steps
        if max(self.entry.steps) > steps:
            raise UserError(
                f"{self.key}.steps: {max(self.entry.steps)} is more than the {steps} steps of {self.entry.experiment}"
            )

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"set": [self.run.files.distilled(self.entry.experiment)], "metrics": self.evaluated()}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        read, shown = self.inputs(), ",".join(map(str, self.entry.steps))
        return [*options("--set", read["set"]), *options("--metrics", read["metrics"]), "--steps", shown]

    def measurements(self) -> list[str]:
        """See `Artefact`."""
        return self.evaluated()

    def caption(self) -> str:
        """See `Artefact`."""
        first = " The images are those of the first seed." if len(self.experiments()) > 1 else ""
        return (
            f"Distilled images of experiment ``{self.entry.experiment}``.{first} One column for each shown GD step and "
            "one row for each class; above each step, the learned learning rates η of every epoch. A single step has "
            "its classes side by side. "
            "Display range: normalised pixels from -v to v, where v is the 99th percentile of their absolute values "
            "over the images shown. Mid-grey is the mean that images are normalised by. "
            f"Scale ``{self.run.files.scale}``; mean ± standard deviation over held-out networks."
        )


def images_title(metrics: pd.DataFrame) -> str:
    """`MNIST, LeNet, random init: 10.1 ± 2.3 % → 80.5 ± 1.9 % on 10,000 test images, 20 held-out nets`.

    The lines below say how the set departs from the paper's method, and what is known of the data.
    """
    before, after = (over_seeds(metrics[metrics["stage"] == stage]) for stage in ("before", "after"))
    judged = ", by the attacker's labels" if "misled" in metrics else ""
    if after.nets > 1:
        judged += f", {after.nets} held-out nets"
    accuracy = [f"{_percent(before)} → {_percent(after)}"]
    accuracy.append(f"on {metrics['test_images'].iloc[0]:,} test images{judged}")
    if after.sets > 1:
        accuracy[-1] += " of each seed" if after.nets > 1 else ""
        accuracy.append(f"{seeds_text(after.sets, after.sets_std)}; images of seed {metrics[SEED].iloc[0]}")
    if interval := wider_interval(after.mean, after.std, metrics["test_images"].iloc[0]):
        accuracy.append(f"95 % interval by the draw of the test images: {interval[0]:.1f} to {interval[1]:.1f} %")
    return _title(metrics, accuracy)


def images_title_without_accuracy(distilled: DistilledSet) -> str:
    """`MNIST, LeNet, random init: 100 images, 10 steps x 3 epochs`, with the same lines below."""
    import pandas as pd

    setting = distilled.setting() | {"fidelity": distilled.info["dataset"].get("fidelity", "")}
    shape = "{distilled_images} images, {steps} steps x {epochs} epochs".format_map(setting)
    return _title(pd.DataFrame([setting]), [shape])


def _title(rows: pd.DataFrame, known: list[str]) -> str:
    """What the set of these measurements is, what is `known` of it, how it departs from the paper, and of the data."""
    first = with_provenance(rows).iloc[0]
    lines = [f"{display_name(first['dataset'])}, {first['net']}, {first['init']} init: {known[0]}", *known[1:]]
    if first["beyond"]:
        lines.append(made_with(first["beyond"]))
    return small_print(lines + data_lines(rows), TITLE_WIDTH - 0.4, TITLE_POINTS)


def _percent(accuracy: Pooled) -> str:
    """Mean and standard deviation of several nets; the accuracy of a single net with two decimals, as in the paper."""
    return f"{mean_std(accuracy.mean, accuracy.std, digits=2 if math.isnan(accuracy.std) else 1)} %"


def draw(*, set_path: Path, metrics: Sequence[Path], steps: str) -> Drawing:
    """The images of a distilled set, titled by its CSV of `dd evaluate` and those of other seeds, if there are any.

    Raises:
        UserError: no such set or CSV, a first CSV that measures another set, further ones that are not of other seeds,
            or `steps` that the set does not have.
    """
    from dd import load

    distilled = load(set_path)
    total = len(distilled.images)
    chosen = number_list("--steps", steps) if steps else list(range(1, total + 1))
    if max(chosen) > total:
        raise UserError(f"--steps: {steps} must lie between 1 and {total}, the steps of this set")
    if metrics:
        measured = read_seeds(metrics, "before", "after")
        check_set(metrics[0], measured, distilled.digest)
        title = images_title(measured)
    else:
        title = images_title_without_accuracy(distilled)
    picture = images_picture(
        distilled.images.numpy(),
        distilled.labels.numpy(),
        distilled.lrs.numpy(),
        classes=distilled.info["classes"],
        steps=chosen,
        title=title,
    )
    return Drawing(picture)


def _paper_numbers() -> Iterator[PaperNumber]:
    for name, figure in PAPER_FIGURES.items():
        for stage, number in figure.stages.items():
            place, label = Place(name, figure.dataset), STAGE_LABELS[stage]
            if stage == "before":
                yield PaperNumber(place, stage, label, number, remark=BEFORE_REMARK, ours=False)
            else:
                yield PaperNumber(place, stage, label, number, printed_as=figure.printed_as)


def _measured_numbers(name: str, rows: pd.DataFrame) -> Iterator[MeasuredNumber]:
    if name not in PAPER_FIGURES:
        return
    paper, first = PAPER_FIGURES[name], rows.iloc[0]
    setting = (first["init"], first["net"], first["steps"], first["distilled_images"], first["epochs"])
    same = setting == (paper.init, paper.net, paper.steps, paper.images, DISTILLED_EPOCHS)
    for stage, of_stage in rows.groupby("stage"):
        mean, std, nets, error, sets, sets_std = over_seeds(of_stage)
        yield MeasuredNumber(Place(name, first["dataset"]), str(stage), mean, std, error, nets, sets, same, sets_std)


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    """Judge whether a fixed initialisation needs few images: Figure 2a beside Figure 3a, and beside full training."""
    few = tables.get("fig2a")
    if few is None or few["init"].iloc[0] != "fixed":
        return
    first, accuracy = few.iloc[0], _after(few)
    place = Place("fig2a", first["dataset"])
    many = tables.get("fig3a")
    if many is not None and _more_for_any_net(first, many.iloc[0]):
        detail = f"{accuracy:.1f} % ({first['distilled_images']} images)"
        detail += f", {_after(many):.1f} % ({many['distilled_images'].iloc[0]})"
        yield JudgedClaim(place, ClaimVerdict(FEW_ARE_BETTER, accuracy > _after(many), detail))
    full = FULL_TRAINING.get(first["dataset"])
    if full and first["net"] == full.net and first["distilled_images"] == PAPER_FIGURES["fig2a"].images:
        detail = f"{accuracy:.1f} % of {full.reported.mean:.0f}"
        yield JudgedClaim(place, ClaimVerdict(FEW_COME_CLOSE, accuracy > full.reported.mean - 10, detail))


def _after(rows: pd.DataFrame) -> float:
    """Mean accuracy after training, in percent."""
    return rows.loc[rows["stage"] == "after", "accuracy"].mean()


def _more_for_any_net(few: pd.Series, many: pd.Series) -> bool:
    """Whether `many` measures more images for random initial weights, of the same dataset and network as `few`."""
    same = few["dataset"] == many["dataset"] and few["net"] == many["net"]
    return many["init"] == "random" and same and few["distilled_images"] < many["distilled_images"]


FIGURE = FigureKind(
    name="distilled_images",
    order=1,
    module=__name__,
    artefact=Picture,
    command=Picture.command,
    help="""Draw distilled images with their learning rates, as in the paper's Figures 2 and 3.

    \b
    Examples:
      python -m dd figure --set set.safetensors --out images.png
      python -m dd figure --set set.safetensors --metrics accuracy.csv --steps 1,5,10 --out images.png --out images.pdf
    """,
    options=(
        click.Option(["--set", "set_path"], type=INPUT, required=True, help="Distilled set, a .safetensors."),
        click.Option(
            ["--metrics"],
            type=INPUT,
            multiple=True,
            help="CSV of `dd evaluate`, for the accuracy in the title; then those of further seeds.  [default: a title "
            "without accuracy]",
        ),
        click.Option(["--steps"], default="", help="Steps to show, counted from 1, e.g. 1,2,5,10.  [default: all]"),
    ),
    draw=draw,
    comparison=ComparisonSource(
        module=__name__,
        csv_kind="evaluation",
        task_column="dataset",
        tasks={name: (figure.dataset,) for name, figure in PAPER_FIGURES.items()},
        numbers=tuple(_paper_numbers()),
        claims=tuple(PaperClaim(Place("fig2a", "mnist"), text) for text in (FEW_ARE_BETTER, FEW_COME_CLOSE)),
        measure=_measured_numbers,
        judge=_judged,
    ),
)
