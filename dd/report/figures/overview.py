"""An overview in the manner of the paper's Figure 1: for each experiment some images, and accuracy before and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import click
from pydantic import Field

from dd.report.artefact import Section, options
from dd.report.figures.kind import PICTURES_AND_NUMBERS, Drawing, FigureArtefact, FigureKind
from dd.report.figures.overview_numbers import ATTACKED, COMPARISON, LABELS, overview_row, overview_table
from dd.report.measurements import check_set, read_dataset_info
from dd.report.provenance import data_lines
from dd.report.seeds import read_seeds
from dd.report.wording import display_name, made_with, small_print
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT
from dd.runtime.settings_model import Name, Names, OrEmpty

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from dd.distill.distilled_set import DistilledSet
    from dd.report.measurements import DatasetInfo

LINE_HEIGHT = 0.66
"""Inches."""
SHOWN_IMAGES = 10
"""Distilled images of a line, at most: those of its first step, one of each class."""


class Line(NamedTuple):
    """One line of the figure."""

    images: np.ndarray
    """`[n, H, W, C]`, from 0 to 1."""
    rows: pd.DataFrame
    """Its CSV of `dd evaluate`."""
    row: dict
    """Its row in the table of numbers."""


class Overview(FigureArtefact[list[str]]):
    """A figure of the section `overview`, whose entry is a list of experiments."""

    rule = "draw_overview"
    command = "overview"
    section = Section(
        "overview",
        dict[Name, Annotated[OrEmpty[Names], Field(description="experiments, a line each")]],
        Field(description="Overviews of experiments as in Figure 1, by name."),
    )
    outputs = PICTURES_AND_NUMBERS

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        files, given = self.run.files, self.run.experiments
        sources = {self.run.source(name) for name in self.entry}
        datasets = sorted({given[name].dataset for name in self.entry} | set(filter(None, sources)))
        return {
            "sets": [files.distilled(name) for name in self.entry],
            "metrics": self.evaluated(),
            "metadata": [files.dataset(dataset, "json") for dataset in datasets],
        }

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        files, words = self.run.files, []
        for name in self.entry:
            measured = ",".join(files.evaluated(seed) for seed in self.run.seeds_of(name))
            words += ["--line", files.distilled(name), measured]
        return [*words, *options("--data", self.inputs()["metadata"]), "--scale", files.scale]

    def measurements(self) -> list[str]:
        """See `Artefact`."""
        return [self.path("csv")]

    def caption(self) -> str:
        """See `Artefact`."""
        return (
            f"Distilled images and what they do, scale ``{self.run.files.scale}``: some images of the first GD step, "
            "and accuracy of held-out networks on test images before and after training on all of them. Where images "
            "poison (Section 3.6), it is the accuracy on the attacked class."
        )


def overview_picture(lines: Sequence[Line], scale: str) -> Figure:
    """One line for each experiment: what it is, some of its images, and accuracy before and after training."""
    from matplotlib.figure import Figure

    notes = [f"scale {scale}, final state, test images", *data_lines(*(line.rows for line in lines))]
    foot = small_print(notes, 8.5)
    below = 0.15 + 0.13 * len(foot.splitlines())
    height = LINE_HEIGHT * len(lines) + below
    figure = Figure(figsize=(9, height))
    for place, line in enumerate(lines):
        middle = 1 - LINE_HEIGHT * (place + 0.5) / height
        figure.text(0.01, middle, _told(line.row), fontsize=8, va="center", linespacing=1.3)
        for column, image in enumerate(line.images):
            axes = figure.add_axes((0.262 + 0.056 * column, middle - 0.24 / height, 0.054, 0.486 / height))
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_axis_off()
        row = line.row
        figure.text(0.835, middle, f"{row['before']:.0f} % → {row['after']:.0f} %", fontsize=10, va="bottom")
        seeds = f",\n{row['sets']} seeds, their std {row['sets_std']:.1f}" if row["sets"] > 1 else ""
        figure.text(0.835, middle, f"{LABELS[row['measure']]}{seeds}", fontsize=8, va="top")
    figure.text(0.5, 0.08 / height, foot, fontsize=7, color="0.4", ha="center")
    return figure


def _told(row: dict) -> str:
    """What a line is about."""
    images = f"{row['distilled_images']} images, steps x epochs: {row['steps']} x {row['epochs']}"
    beyond = f"\n{made_with(row['beyond'])}" if row["beyond"] else ""
    nets = f"{row['nets']} {row['net']}{'' if row['nets'] == 1 else 's'}, {row['init'].replace('_', ' ')} init"
    return f"{display_name(row['task'])}\n{nets}\n{images}{beyond}"


def _task(first: pd.Series, datasets: dict[str, DatasetInfo]) -> str:
    """The dataset; with pre-trained nets of another dataset `source → target`, variants named as their originals."""
    names = [name for name in (first["source"], first["dataset"]) if name]
    roots = [datasets[name].root if name in datasets else name for name in names]
    return " → ".join(dict.fromkeys(roots))


def _pixels(distilled: DistilledSet) -> np.ndarray:
    """Images of the first step, one of each class, `[n, H, W, C]` from 0 to 1; displayed as `dd figure` does."""
    import numpy as np

    from dd.report.figures.image_grid import classes_of_images, displayed

    classes = classes_of_images(distilled.labels.numpy(), len(distilled.info["classes"]))
    _, places = np.unique(classes, return_index=True)
    return displayed(distilled.images[0].numpy())[places][:SHOWN_IMAGES]


def draw(*, lines: Sequence[tuple[str, str]], metadata: Sequence[Path], scale: str) -> Drawing:
    """Draw lines, each of which is `(set, CSV of dd evaluate)`, with the CSVs of further seeds after a comma.

    Raises:
        UserError: a set or CSV cannot be read, the first CSV measures another set, or further ones no other seeds.
    """
    from dd import load

    datasets = {info.name: info for info in map(read_dataset_info, metadata)}
    drawn = []
    for set_path, metrics in lines:
        paths = [Path(path) for path in metrics.split(",")]
        rows = read_seeds(paths, "before", "after")
        rows = rows.assign(source=rows["source"].astype(object).fillna(""))
        if "misled" in rows and ATTACKED not in rows:
            raise UserError(f"{paths[0]}: lacks {ATTACKED}; measure it anew with `python -m dd evaluate`")
        distilled = load(set_path)
        check_set(paths[0], rows, distilled.digest)
        row = overview_row(rows, _task(rows.iloc[0], datasets), scale)
        drawn.append(Line(_pixels(distilled), rows, row))
    return Drawing(overview_picture(drawn, scale), overview_table([line.row for line in drawn]))


FIGURE = FigureKind(
    name="overview",
    order=0,
    module=__name__,
    artefact=Overview,
    command=Overview.command,
    help="""Draw distilled images with the accuracy of nets before and after training, as in the paper's Figure 1.

    \b
    Example:
      python -m dd overview --line set.safetensors accuracy.csv --scale mine --table overview.csv --out overview.png
    """,
    options=(
        click.Option(
            ["--line", "lines"],
            nargs=2,
            multiple=True,
            required=True,
            metavar="SET CSV,...",
            help="A distilled set and its CSV of `dd evaluate`, then those of further seeds; may be repeated.",
        ),
        click.Option(
            ["--data", "metadata"],
            type=INPUT,
            multiple=True,
            help="Prepared dataset, for the names of variants; may be repeated.",
        ),
        click.Option(["--scale"], required=True, help="Name of the scale, for the figure."),
    ),
    table_option=click.Option(
        ["--table", "table_path"], type=OUTPUT, required=True, help="CSV of the numbers, to write."
    ),
    draw=draw,
    comparison=COMPARISON,
)
