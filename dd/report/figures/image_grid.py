"""Distilled images with their learning rates: one column for each GD step, one row for each class."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

IMAGE_SIDE = 0.62
"""Inches of one image, with an `IMAGE_MARGIN` at each edge."""
IMAGE_MARGIN = 0.02
TITLE_WIDTH = 5.2
"""Inches that the title needs, in letters of `TITLE_POINTS`."""
TITLE_POINTS = 9
PERCENTILE = 99.0
"""Share of pixel values, in percent, that lie inside the display range."""
EPOCHS_TOLD = 6
"""Of more epochs, only the rates of the first, the middle and the last are told."""


class Grid(NamedTuple):
    """What a picture shows, `columns` across and `rows` down."""

    images: np.ndarray
    """`[columns, rows, H, W, C]`, from 0 to 1."""
    names: list[str]
    """The names of the classes, in order."""
    rates: list[list[str]]
    """For each shown step, its learning rate in each of `epochs`."""
    epochs: list[int]
    """The epochs whose rates are told, counted from 1."""
    corners: list[list[str]]
    """The text in the corner of each image, `[columns][rows]`; empty unless labels are learned."""
    one_step: bool
    """Whether a single step is shown: then its classes are side by side, one column for each."""


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
    """Room above the images for the headings of the columns."""
    upright: bool
    """Whether the headings are written upwards."""


def images_picture(
    images: np.ndarray,
    labels: np.ndarray,
    lrs: np.ndarray,
    *,
    classes: Sequence[str],
    steps: Sequence[int],
    title: str,
) -> Figure:
    """One column for each shown step and one row for each class, with the learning rates of its epochs at each step.

    Where labels are learned, a row is the class that its images were initialised as, and the corner of each image has
    the most probable class of its label with the probability.

    A single step is shown in one row, with one column for each class.

    Display range: pixels are drawn in normalised units from -v to v, where grey or colour `0.5` is the mean of the
    training set. v is the 99th percentile of |pixel| over all images shown. Values outside are clipped.

    Args:
        images: `[steps, n, C, H, W]`, normalised.
        labels: `[steps, n]`, or probabilities `[steps, n, classes]`.
        lrs: `[epochs, steps]`.
        classes: names.
        steps: the steps to show, counted from 1.
        title: above the picture.
    """
    from matplotlib.figure import Figure

    grid = _grid(images, labels, lrs, classes, [step - 1 for step in steps])
    room = 0.21 + 0.17 * len(title.splitlines())
    layout = _layout(grid, room)
    figure = Figure(figsize=(layout.width, layout.height))
    _draw_images(figure, grid, layout)
    if grid.one_step:
        _label_one_step(figure, grid, layout)
    else:
        _label_steps(figure, grid, layout, steps)
    middle = 1 - 0.51 * room / layout.height
    figure.text(0.5, middle, title, fontsize=TITLE_POINTS, linespacing=1.3, ha="center", va="center")
    return figure


def classes_of_images(labels: np.ndarray, classes: int) -> np.ndarray:
    """The class of each image of a step, `[n]`; where `labels` are learned, that with which the image began."""
    import numpy as np

    if labels.ndim == 3:
        count = labels.shape[1]
        return np.arange(count) * classes // count
    return labels[0]


def displayed(images: np.ndarray) -> np.ndarray:
    """Normalised `images [..., C, H, W]` as `[..., H, W, C]` from 0 to 1; see `images_picture` for the range."""
    import numpy as np

    limit = np.percentile(np.abs(images), PERCENTILE) or 1
    return np.moveaxis(np.clip(images / (2 * limit) + 0.5, 0, 1), -3, -1)


def _grid(images: np.ndarray, labels: np.ndarray, lrs: np.ndarray, classes: Sequence[str], chosen: list[int]) -> Grid:
    """See `images_picture`; `chosen` steps are counted from 0."""
    import numpy as np

    learned_labels = labels.ndim == 3
    initial_classes = classes_of_images(labels, len(classes))
    order = np.argsort(initial_classes, kind="stable")
    shown = images[chosen][:, order]  # [columns, rows, C, H, W]
    shown = displayed(shown)
    corners = []
    if learned_labels:
        corners = [[f"{classes[row.argmax()]} {row.max():.0%}" for row in labels[step]] for step in chosen]
    one_step = len(chosen) == 1
    if one_step:
        shown = shown.transpose(1, 0, 2, 3, 4)
        corners = [[corner] for step in corners for corner in step]
    last = len(lrs)
    epochs = list(range(1, last + 1)) if last <= EPOCHS_TOLD else [1, (last + 1) // 2, last]
    rates = [[f"{lrs[epoch - 1, step]:.3g}" for epoch in epochs] for step in chosen]
    return Grid(shown, [classes[label] for label in initial_classes[order]], rates, epochs, corners, one_step)


def _layout(grid: Grid, room: float) -> Layout:
    """Margins for class names and rates at the left, headings above the columns, and `room` inches for the title."""
    columns, rows = grid.images.shape[:2]
    longest = max(map(_letters, grid.names))
    upright = grid.one_step and longest > 8
    if grid.one_step:
        left = 1.35
        header = 0.2 + 0.075 * longest if upright else 0.3
    else:
        left = max(1.15, 0.3 + 0.075 * longest)
        header = 0.32 + 0.16 * len(grid.epochs)
    bottom, right = 0.1, 0.12
    top = bottom + rows * IMAGE_SIDE
    width = left + columns * IMAGE_SIDE + right
    left += max(0.0, TITLE_WIDTH - width) / 2  # the images in the middle
    return Layout(max(width, TITLE_WIDTH), top + header + room, left, bottom, top, header, upright)


def _letters(name: str) -> int:
    """How many Latin letters are as wide as a name: those of Chinese and the like, and emoji, count as two."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "FW") for letter in name)


def _draw_images(figure: Figure, grid: Grid, layout: Layout) -> None:
    from matplotlib.patheffects import withStroke

    columns, rows = grid.images.shape[:2]
    inside = IMAGE_SIDE - 2 * IMAGE_MARGIN
    size = (inside / layout.width, inside / layout.height)
    for column, row in itertools.product(range(columns), range(rows)):
        x = layout.left + column * IMAGE_SIDE
        y = layout.top - (row + 1) * IMAGE_SIDE
        axes = figure.add_axes(((x + IMAGE_MARGIN) / layout.width, (y + IMAGE_MARGIN) / layout.height, *size))
        axes.imshow(grid.images[column, row], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_axis_off()
        if grid.corners:
            outline = [withStroke(linewidth=1, foreground="black")]
            axes.text(1, 0, grid.corners[column][row], fontsize=4, color="white", va="top", path_effects=outline)


def _write(figure: Figure, layout: Layout, x: float, y: float, text: str, **style: Any) -> None:
    """Text at x and y, in inches."""
    defaults: dict[str, Any] = {"fontsize": 8, "ha": "center", "va": "center"}
    figure.text(x / layout.width, y / layout.height, text, **defaults | style)


def _label_one_step(figure: Figure, grid: Grid, layout: Layout) -> None:
    """Class names above, rates at the left."""
    style: dict[str, Any] = {"rotation": 90, "va": "bottom"} if layout.upright else {}
    above = layout.top + (0.05 if layout.upright else 0.12)
    for column, name in enumerate(grid.names):
        _write(figure, layout, layout.left + (column + 0.5) * IMAGE_SIDE, above, name, **style)
    lines = "\n".join(f"epoch {epoch}: η = {rate}" for epoch, rate in zip(grid.epochs, grid.rates[0], strict=True))
    beside = layout.left - 0.1
    _write(figure, layout, beside, layout.bottom + IMAGE_SIDE / 2, lines, ha="right", fontsize=7, linespacing=1.5)


def _label_steps(figure: Figure, grid: Grid, layout: Layout, steps: Sequence[int]) -> None:
    """Class names at the left; steps (counted from 1) and their rates above."""
    beside = layout.left - 0.1
    heading = layout.top + layout.header - 0.12
    below = [heading - 0.2 - 0.16 * line for line in range(len(grid.epochs))]
    for row, name in enumerate(grid.names):
        _write(figure, layout, beside, layout.top - (row + 0.5) * IMAGE_SIDE, name, ha="right")
    for column, step in enumerate(steps):
        x = layout.left + (column + 0.5) * IMAGE_SIDE
        _write(figure, layout, x, heading, f"step {step}", fontweight="bold")
        for y, rate in zip(below, grid.rates[column], strict=True):
            _write(figure, layout, x, y, rate, fontsize=7)
    for epoch, y in zip(grid.epochs, below, strict=True):
        _write(figure, layout, beside, y, f"η, epoch {epoch}", ha="right", fontsize=7)
