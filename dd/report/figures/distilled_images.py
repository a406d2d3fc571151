"""Pictures of distilled images, as in Figures 2 and 3, with the accuracy of nets in the title."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import Field

from dd.report.artefact import Section, options
from dd.report.figures.distilled_images_claims import COMPARISON
from dd.report.figures.image_grid import TITLE_POINTS, TITLE_WIDTH, images_picture
from dd.report.figures.kind import Drawing, FigureArtefact, FigureKind
from dd.report.formatting import mean_std, wider_interval
from dd.report.measurements import Pooled, check_set
from dd.report.provenance import data_lines, with_provenance
from dd.report.seeds import SEED, over_seeds, read_seeds, seeds_text
from dd.report.wording import display_name, made_with, small_print
from dd.runtime.errors import UserError
from dd.runtime.number_lists import number_list
from dd.runtime.paths import INPUT
from dd.runtime.settings_model import Counts, Name, OrEmpty, Settings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from dd.distill.distilled_set import DistilledSet


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
    title = None
    if metrics:
        measured = read_seeds(metrics, "before", "after")
        check_set(metrics[0], measured, distilled.digest)
        title = images_title(measured)
    return Drawing(drawn(distilled, number_list("--steps", steps) if steps else None, title=title))


def drawn(distilled: DistilledSet, steps: Sequence[int] | None = None, *, title: str | None = None) -> Figure:
    """The images of a distilled set; `steps`, counted from 1, are all by default, and the title says what it is.

    Raises:
        UserError: it has no such step, or its inputs are no pictures.
    """
    total = len(distilled.images)
    chosen = list(range(1, total + 1)) if steps is None else list(steps)
    if not chosen or not 1 <= min(chosen) <= max(chosen) <= total:
        raise UserError(f"--steps: {chosen} must lie between 1 and {total}, the steps of this set")
    if len(distilled.image_shape) != 3 or distilled.image_shape[0] not in (1, 3):
        raise UserError(f"the set has inputs {list(distilled.image_shape)}, which are no pictures [C, H, W]")
    lrs = distilled.lrs
    if distilled.config.batch_per_class:  # the rates are not of the steps that the images are stored by
        lrs = lrs.mean(1, keepdim=True).expand(-1, total)
    return images_picture(
        distilled.images.cpu().numpy(),
        distilled.labels.cpu().numpy(),
        lrs.cpu().numpy(),
        classes=distilled.info["classes"],
        steps=chosen,
        title=images_title_without_accuracy(distilled) if title is None else title,
    )


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
    comparison=COMPARISON,
)
