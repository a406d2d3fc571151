"""Each distilled image beside the real one that is nearest to it, and the confusion of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dd.report.figures.image_grid import displayed

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

PAIRS_ACROSS = 5
INCHES = 0.7
"""Of a picture's side."""


def audit_picture(
    distilled: np.ndarray, nearest: np.ndarray, confusion: np.ndarray, *, classes: Sequence[str], texts: Sequence[str]
) -> Figure:
    """Pairs of pictures, then the confusion of classes.

    Args:
        distilled: `[n, C, H, W]`, normalised.
        nearest: the real images, like `distilled`.
        confusion: `[classes, classes]` in percent; a true class a row.
        classes: names.
        texts: above each pair.
    """
    from matplotlib.figure import Figure

    down = -(-len(distilled) // PAIRS_ACROSS)
    side = max(2.5, 0.28 * len(classes) + 1)
    figure = Figure(figsize=(2.6 * INCHES * PAIRS_ACROSS, 1.3 * INCHES * down + side + 0.6), layout="constrained")
    parts = figure.add_gridspec(2, 1, height_ratios=[1.3 * INCHES * down + 0.3, side])
    above, below = figure.add_subfigure(parts[0]), figure.add_subfigure(parts[1])
    above.suptitle("each distilled image, and the real training image nearest to it", fontsize=9)
    places = above.subplots(down, PAIRS_ACROSS, squeeze=False).flat
    for axes in places:
        axes.set_axis_off()
    for axes, *pair, text in zip(above.axes, distilled, nearest, texts, strict=False):
        axes.imshow(_side_by_side(*pair), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(text, fontsize=6)
    matrix = below.subplots()
    shown = matrix.imshow(confusion, cmap="Blues", vmin=0, vmax=100)
    matrix.set_xticks(range(len(classes)), classes, rotation=90, fontsize=6)
    matrix.set_yticks(range(len(classes)), classes, fontsize=6)
    matrix.set_xlabel("predicted", fontsize=8)
    matrix.set_ylabel("true class", fontsize=8)
    below.colorbar(shown, label="% of the class")
    return figure


def _side_by_side(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two images in one, each on a scale of its own, as distilled values go far beyond real ones."""
    import numpy as np

    gap = np.ones((left.shape[1], 1, left.shape[0]))
    return np.concatenate([displayed(left), gap, displayed(right)], 1)
