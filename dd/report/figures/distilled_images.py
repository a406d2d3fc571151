"""The paper's pictures of distilled images (Figures 2 and 3)."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from dd.report.provenance import noted, of_data, shown, small_print

CELL = 0.62
"""Inches a side of one image, with a `GAP` at each edge."""
GAP = 0.02
WIDTH = 5.2
"""Inches that the title needs, in letters of `POINTS`."""
POINTS = 9
PERCENTILE = 99.0
"""Share of pixel values, in percent, that lie inside the display range."""


def title(metrics: pd.DataFrame) -> str:
    """`MNIST, LeNet, random init: 10.1 ± 2.3 % → 80.5 ± 1.9 % on 10,000 test images, 20 held-out nets`; what is not the
    paper's way and what is known of the data are lines below.
    """
    first = noted(metrics).iloc[0]
    nets = metrics["held_out_net"].nunique()

    def percent(stage: str) -> str:
        values = metrics.loc[metrics["stage"] == stage, "accuracy"]
        return f"{values.mean():.2f} %" if nets == 1 else f"{values.mean():.1f} ± {values.std(ddof=0):.1f} %"

    judged = (", by the attacker's labels" if "misled" in metrics else "") + (nets > 1) * f", {nets} held-out nets"
    lines = [
        f"{shown(first['dataset'])}, {first['net']}, {first['init']} init: {percent('before')} → {percent('after')}",
        f"on {first['test_images']:,} test images{judged}",
        *[f"with {first['beyond']}, which is not the paper's way"] * bool(first["beyond"]),
        *of_data(metrics),
    ]
    return small_print(lines, WIDTH - 0.4, POINTS)


class Shown(NamedTuple):
    """What a picture of distilled images shows, `columns` across and `rows` down."""

    images: np.ndarray
    """`[columns, rows, H, W, C]`, from 0 to 1."""
    names: list[str]
    """Of the classes, in order."""
    rates: list[list[str]]
    """Of each shown step, an epoch each."""
    corners: list[list[str]]
    """In the corner of each image `[columns][rows]`, where labels are learned."""
    lying: bool
    """A single step: a class a column."""


class Layout(NamedTuple):
    """Where things are, in inches from the lower left corner."""

    width: float
    height: float
    left: float
    """Where the images begin."""
    bottom: float
    top: float
    """Where they end."""
    header: float
    """Room above the images for what the columns are called."""
    turned: bool
    """Whether that is written upwards."""


def distilled_images(
    images: np.ndarray,
    labels: np.ndarray,
    lrs: np.ndarray,
    classes: Sequence[str],
    steps: Sequence[int],
    title: str,
) -> Figure:
    """A column a shown step and a row a class, the learning rates of all epochs beside each step.

    Where labels are learned, rows are the classes that the images began as, and in its corner each has the likeliest
    class of its label, and how likely.

    A single step lies on its side: one row, a column a class.

    Display range: pixels are drawn in normalised units, grey or colour `0.5` being the mean of the training set, on a
    scale from -v to v. v is the 99th percentile of |pixel| over the images shown, the same for all of them; what lies
    outside is clipped.

    Args:
        images: `[steps, n, C, H, W]`, normalised.
        labels: `[steps, n]`, or probabilities `[steps, n, classes]`.
        lrs: `[epochs, steps]`.
        classes: names.
        steps: the steps to show, counted from 1.
        title: above the picture.
    """
    shown = _shown(images, labels, lrs, classes, np.asarray(steps) - 1)
    room = 0.21 + 0.17 * len(title.splitlines())
    place = _layout(shown, room)
    figure = Figure(figsize=(place.width, place.height))
    _draw_images(figure, shown, place)
    _write_labels(figure, shown, place, steps)
    figure.text(0.5, 1 - 0.51 * room / place.height, title, fontsize=POINTS, linespacing=1.3, ha="center", va="center")
    return figure


def _shown(
    images: np.ndarray, labels: np.ndarray, lrs: np.ndarray, classes: Sequence[str], chosen: np.ndarray
) -> Shown:
    """See `distilled_images`; `chosen` steps are counted from 0."""
    soft, lying = labels.ndim == 3, len(chosen) == 1
    count = images.shape[1]
    began = np.arange(count) * len(classes) // count if soft else labels[0]
    order = np.argsort(began, kind="stable")
    shown = images[chosen][:, order]  # [columns, rows, C, H, W]
    limit = np.percentile(np.abs(shown), PERCENTILE)
    shown = np.clip(shown / (2 * limit) + 0.5, 0, 1).transpose(0, 1, 3, 4, 2)
    corners = [[f"{classes[row.argmax()]} {row.max():.0%}" for row in labels[step]] for step in chosen] if soft else []
    if lying:
        shown = shown.transpose(1, 0, 2, 3, 4)
        corners = [[corner] for corner in corners[0]] if soft else []
    rates = [[f"{lr:.3g}" for lr in lrs[:, step]] for step in chosen]
    return Shown(shown, [classes[label] for label in began[order]], rates, corners, lying)


def _layout(shown: Shown, room: float) -> Layout:
    """Margins for class names and rates at the left, headings above the columns, and `room` inches for the title."""
    columns, rows = shown.images.shape[:2]
    longest = max(map(len, shown.names))
    turned = shown.lying and longest > 8
    left = 1.35 if shown.lying else max(1.15, 0.3 + 0.075 * longest)
    header = (0.2 + 0.075 * longest if turned else 0.3) if shown.lying else 0.32 + 0.16 * len(shown.rates[0])
    bottom, right = 0.1, 0.12
    top, width = bottom + rows * CELL, left + columns * CELL + right
    left += max(0.0, WIDTH - width) / 2  # the images in the middle
    return Layout(max(width, WIDTH), top + header + room, left, bottom, top, header, turned)


def _draw_images(figure: Figure, shown: Shown, place: Layout) -> None:
    columns, rows = shown.images.shape[:2]
    for column, row in itertools.product(range(columns), range(rows)):
        x, y = place.left + column * CELL, place.top - (row + 1) * CELL
        inside = CELL - 2 * GAP
        axes = figure.add_axes(
            ((x + GAP) / place.width, (y + GAP) / place.height, inside / place.width, inside / place.height)
        )
        axes.imshow(shown.images[column, row], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
        if shown.corners:
            outline = [withStroke(linewidth=1, foreground="black")]
            axes.text(1, 0, shown.corners[column][row], fontsize=4, color="white", va="top", path_effects=outline)


def _write_labels(figure: Figure, shown: Shown, place: Layout, steps: Sequence[int]) -> None:
    """Class names, steps (counted from 1) and rates."""

    def write(x: float, y: float, text: str, **style) -> None:
        style = {"fontsize": 8, "ha": "center", "va": "center"} | style
        figure.text(x / place.width, y / place.height, text, **style)

    beside = place.left - 0.1
    if shown.lying:
        for column, name in enumerate(shown.names):
            style = {"rotation": 90, "va": "bottom"} if place.turned else {}
            write(place.left + (column + 0.5) * CELL, place.top + (0.05 if place.turned else 0.12), name, **style)
        lines = [f"epoch {epoch}: η = {rate}" for epoch, rate in enumerate(shown.rates[0], 1)]
        write(beside, place.bottom + CELL / 2, "\n".join(lines), ha="right", fontsize=7, linespacing=1.5)
        return
    heading = place.top + place.header - 0.12
    below = [heading - 0.2 - 0.16 * epoch for epoch in range(len(shown.rates[0]))]
    for row, name in enumerate(shown.names):
        write(beside, place.top - (row + 0.5) * CELL, name, ha="right")
    for column, step in enumerate(steps):
        x = place.left + (column + 0.5) * CELL
        write(x, heading, f"step {step}", fontweight="bold")
        for y, rate in zip(below, shown.rates[column], strict=True):
            write(x, y, rate, fontsize=7)
    for epoch, y in enumerate(below, 1):
        write(beside, y, f"η, epoch {epoch}", ha="right", fontsize=7)
