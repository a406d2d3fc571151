"""The pictures of the page of an experiment that no other figure has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dd.report.figures.image_grid import classes_of_images
from dd.report.figures.poisoning_drawing import BASELINE_COLORS, OURS_COLOR

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from dd.distill.distilled_set import DistilledSet

SHOWN_STEPS = 10
"""GD steps whose images are shown, at most."""
BAR_HEIGHT = 0.32
"""Inches."""


def some_images(distilled: DistilledSet) -> tuple[DistilledSet, list[int]]:
    """The set with one image of each class a step, and up to `SHOWN_STEPS` of its steps, evenly spread, from 1."""
    import numpy as np

    steps = len(distilled.images)
    classes = classes_of_images(distilled.labels.cpu().numpy(), len(distilled.info["classes"]))
    first = np.unique(classes, return_index=True)[1].tolist()
    shown = np.linspace(1, steps, min(steps, SHOWN_STEPS)).round().astype(int).tolist()
    return replace(distilled, images=distilled.images[:, first], labels=distilled.labels[:, first]), shown


def rates_picture(lrs: np.ndarray) -> Figure:
    """The learned rate of each GD step in the order of training, `lrs [epochs, steps]`; a line between two epochs."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    steps = lrs.shape[1]
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    axes = figure.subplots()
    marker = "o" if lrs.size <= 100 else None
    for epoch, rates in enumerate(lrs):
        axes.plot(
            range(epoch * steps + 1, (epoch + 1) * steps + 1), rates, color=OURS_COLOR, marker=marker, markersize=4
        )
        if epoch:
            axes.axvline(epoch * steps + 0.5, color="0.8", linewidth=0.8)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("GD step, through all epochs", fontsize=9)
    axes.set_ylabel("learning rate", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def bars_picture(labels: Sequence[str], rows: pd.DataFrame) -> Figure:
    """A bar for each row of test accuracy, the first in colour, with one standard deviation (columns accuracy, std)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.8 + BAR_HEIGHT * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    colours = [OURS_COLOR, *[BASELINE_COLORS[0]] * (len(rows) - 1)]
    axes.barh(places, rows["accuracy"], xerr=rows["std"].fillna(0), color=colours, capsize=2)
    for place, accuracy in zip(places, rows["accuracy"], strict=True):
        axes.text(1, place, f"{accuracy:.1f}", va="center", fontsize=9, color="white" if not place else "black")
    axes.set_yticks(places, labels, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("test accuracy, %", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
