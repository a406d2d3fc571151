"""The paper's pictures of distilled images (Figures 2 and 3)."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

matplotlib.use("Agg")
matplotlib.rcParams |= {"savefig.dpi": 200, "pdf.fonttype": 42, "svg.fonttype": "none", "font.family": "DejaVu Sans"}

CELL = 0.62
"""Inches a side of one image."""
PERCENTILE = 99.0
"""Share of pixel values, in percent, that lie inside the display range."""


def title(metrics: pd.DataFrame) -> str:
    """`MNIST, LeNet, random init: 10.1 ± 2.3 % → 80.5 ± 1.9 % on 10,000 test images, 20 held-out nets`."""
    first = metrics.iloc[0]
    nets = metrics["held_out_net"].nunique()

    def percent(stage: str) -> str:
        values = metrics.loc[metrics["stage"] == stage, "accuracy"]
        return f"{values.mean():.2f} %" if nets == 1 else f"{values.mean():.1f} ± {values.std(ddof=0):.1f} %"

    judged = "" if nets == 1 else f", {nets} held-out nets"
    return (
        f"{first['dataset'].upper()}, {first['net']}, {first['init']} init: {percent('before')} → {percent('after')}\n"
        f"on {first['test_images']:,} test images{judged}"
    )


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
    chosen = np.asarray(steps) - 1
    soft = labels.ndim == 3
    count = images.shape[1]
    began = np.arange(count) * len(classes) // count if soft else labels[0]
    order = np.argsort(began, kind="stable")
    shown = images[chosen][:, order]  # [columns, rows, C, H, W]
    names = [classes[label] for label in began[order]]
    corners = [[f"{classes[row.argmax()]} {row.max():.0%}" for row in labels[step]] for step in chosen] if soft else []
    limit = np.percentile(np.abs(shown), PERCENTILE)
    shown = np.clip(shown / (2 * limit) + 0.5, 0, 1).transpose(0, 1, 3, 4, 2)
    rates = [[f"{lr:.3g}" for lr in lrs[:, step]] for step in chosen]
    lying = len(chosen) == 1
    if lying:
        shown = shown.transpose(1, 0, 2, 3, 4)
        corners = [[corner] for corner in corners[0]] if soft else []
    columns, rows = shown.shape[:2]

    # margins in inches: class names and rate labels at the left, step headings above the columns
    longest = max(map(len, names))
    turned = lying and longest > 8
    left = 1.35 if lying else max(1.15, 0.3 + 0.075 * longest)
    right, bottom = 0.12, 0.1
    header = (0.2 + 0.075 * longest if turned else 0.3) if lying else 0.32 + 0.16 * len(lrs)
    width, height = left + columns * CELL + right, bottom + rows * CELL + header + 0.55
    left += max(0.0, 5.2 - width) / 2  # room for the title, the images in the middle
    width = max(width, 5.2)
    figure = Figure(figsize=(width, height))
    for column in range(columns):
        for row in range(rows):
            axes = figure.add_axes(
                (
                    (left + column * CELL + 0.02) / width,
                    (bottom + (rows - 1 - row) * CELL + 0.02) / height,
                    (CELL - 0.04) / width,
                    (CELL - 0.04) / height,
                )
            )
            axes.imshow(shown[column, row], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_axis_off()
            if soft:
                outline = [withStroke(linewidth=1, foreground="black")]
                axes.text(1, 0, corners[column][row], fontsize=4, color="white", va="top", path_effects=outline)

    def write(x: float, y: float, text: str, **style) -> None:
        figure.text(x / width, y / height, text, **({"fontsize": 8, "ha": "center", "va": "center"} | style))

    top = bottom + rows * CELL
    if lying:
        for column, name in enumerate(names):
            style = {"rotation": 90, "va": "bottom"} if turned else {}
            write(left + (column + 0.5) * CELL, top + (0.05 if turned else 0.12), name, **style)
        lines = [f"epoch {epoch}: η = {rate}" for epoch, rate in enumerate(rates[0], 1)]
        write(left - 0.1, bottom + CELL / 2, "\n".join(lines), ha="right", fontsize=7, linespacing=1.5)
    else:
        for row, name in enumerate(names):
            write(left - 0.1, bottom + (rows - row - 0.5) * CELL, name, ha="right")
        for column, step in enumerate(steps):
            x = left + (column + 0.5) * CELL
            write(x, top + header - 0.12, f"step {step}", fontweight="bold")
            for epoch, rate in enumerate(rates[column]):
                write(x, top + header - 0.32 - 0.16 * epoch, rate, fontsize=7)
        for epoch in range(len(lrs)):
            write(left - 0.1, top + header - 0.32 - 0.16 * epoch, f"η, epoch {epoch + 1}", ha="right", fontsize=7)
    write(width / 2, height - 0.28, title, fontsize=9, linespacing=1.3)
    return figure
