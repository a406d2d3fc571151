"""Distilled images from meta-step to meta-step: a strip of snapshots, and the same as an animation."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from dd.report.figures.image_grid import IMAGE_SIDE, displayed
from dd.report.figures.plain_text import write_plainly

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from dd.distill.snapshots import LoadedSnapshots

CLASSES = 10
"""The first of them are shown."""
GAP = 0.06
"""Between two images, as a share of their side."""
LONG_NAME = 8
"""Letters; if a column has a longer name, the names are turned."""
FRAME_MS = 700
"""Milliseconds."""
LAST_FRAME_MS = 3000
FRAME_DOTS = 130
"""Of the animation, an inch."""


def strip_picture(snapshots: LoadedSnapshots, classes: Sequence[str]) -> Figure:
    """A column for each snapshot, a row for each of the first `CLASSES` classes."""
    images = _shown(snapshots)
    columns = [f"{meta_step:,}" for meta_step in snapshots.meta_steps]
    return _montage(images.swapaxes(0, 1), rows=classes[: images.shape[1]], columns=columns, below="meta-step")


def animation(snapshots: LoadedSnapshots, classes: Sequence[str]) -> bytes:
    """An animated WebP: a frame for each snapshot, with the first `CLASSES` classes side by side."""
    from PIL import Image

    frames = []
    for meta_step, images in zip(snapshots.meta_steps, _shown(snapshots), strict=True):
        below = f"meta-step {meta_step:,} of {snapshots.meta_steps[-1]:,}"
        figure = _montage(images[None], rows=[""], columns=classes[: len(images)], below=below)
        write_plainly(figure)
        drawn = BytesIO()
        figure.savefig(drawn, format="png", dpi=FRAME_DOTS)
        frames.append(Image.open(drawn).convert("RGB"))
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    written = BytesIO()
    frames[0].save(written, "WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=80)
    return written.getvalue()


def _shown(snapshots: LoadedSnapshots) -> np.ndarray:
    """`[snapshots, classes, H, W, C]` from 0 to 1, in one display range."""
    return displayed(snapshots.images[:, :CLASSES].numpy())


def _montage(images: np.ndarray, *, rows: Sequence[str], columns: Sequence[str], below: str) -> Figure:
    """Images `[rows, columns, H, W, C]` with the names of their rows and columns, and a line of text below."""
    import numpy as np
    from matplotlib.figure import Figure

    down, across, height, width, channels = images.shape
    turned = 90 if max(map(len, columns)) > LONG_NAME else 0
    gap = max(1, round(GAP * width))
    canvas = np.ones((down * (height + gap) - gap, across * (width + gap) - gap, channels))
    for row, column in np.ndindex(down, across):
        y, x = row * (height + gap), column * (width + gap)
        canvas[y : y + height, x : x + width] = images[row, column]
    header = 0.075 * max(map(len, columns)) if turned else 0.0
    size = (across * IMAGE_SIDE + 0.2 + 0.075 * max(map(len, rows)), down * IMAGE_SIDE + 0.7 + header)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks(np.arange(across) * (width + gap) + width / 2, columns, fontsize=8, rotation=turned)
    axes.set_yticks(np.arange(down) * (height + gap) + height / 2, rows, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(below, fontsize=9)
    return figure
