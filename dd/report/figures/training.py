"""A picture of the history of a distillation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.report.figures.kind import Drawing, FigureKind
from dd.report.measurements import HISTORY_COLUMNS, read_table
from dd.runtime.paths import INPUT

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

HISTORY_PANELS = {
    "loss": "loss on real images",
    "accuracy": "accuracy on validation images, %",
    "grad_norm": "norm of the meta-gradient",
    "mean_distill_lr": "learning rates",
}
RATE_LABELS = {"mean_distill_lr": "of the distilled images, mean", "meta_lr": "of Adam"}
HISTORY_COLOR = "#1f6fb4"
ADAM_COLOR = "#c8571b"


def training_picture(history: pd.DataFrame, title: str) -> Figure:
    """Loss, accuracy on validation images (mean, and one standard deviation over nets), gradient norm and rates."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    step = history["meta_step"]
    marker = "o" if len(step) < 20 else None
    for axes, (column, label) in zip(figure.subplots(2, 2, sharex=True).flat, HISTORY_PANELS.items(), strict=True):
        values = history[column]
        axes.plot(step, values, color=HISTORY_COLOR, marker=marker, markersize=3, label=RATE_LABELS.get(column))
        if column == "accuracy":
            std = history["accuracy_std"]
            axes.fill_between(step, values - std, values + std, color=HISTORY_COLOR, alpha=0.15, linewidth=0)
            label = f"{label}: {values.iloc[-1]:.1f} at last, {history['nets'].iloc[-1]} net(s)"
        else:
            axes.set_yscale("log")
        if column in RATE_LABELS:
            axes.plot(step, history["meta_lr"], color=ADAM_COLOR, label=RATE_LABELS["meta_lr"])
            axes.legend(frameon=False, fontsize=7)
        axes.set_title(label, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("meta-step", fontsize=8)
    figure.suptitle(title, fontsize=10)
    return figure


def draw(*, history: Path) -> Drawing:
    """Draw a history. Its title is the name of the folder that the file lies in."""
    rows = read_table(history, HISTORY_COLUMNS, "distill --history", kind="history")
    return Drawing(training_picture(rows, history.resolve().parent.name))


FIGURE = FigureKind(
    name="training",
    order=5,
    module=__name__,
    command="training",
    help="""Draw the history of a distillation: loss, validation accuracy, norm of the meta-gradient, learning rates.

    \b
    Example:
      python -m dd training --history history.csv --out training.png
    """,
    options=(
        click.Option(
            ["--history"], type=INPUT, required=True, help="CSV that `dd distill` writes; it may still be growing."
        ),
    ),
    draw=draw,
)
