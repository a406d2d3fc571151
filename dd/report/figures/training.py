"""How a distillation went: a picture of its history, and TensorBoard's event files."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from dd.runtime.errors import UserError

COLUMNS = {"meta_step", "loss", "grad_norm", "meta_lr", "mean_distill_lr", "accuracy", "accuracy_std", "nets"}
"""Columns of the history that `dd distill` writes."""
PANELS = {
    "loss": "loss on real images",
    "accuracy": "held-out accuracy, %",
    "grad_norm": "norm of the meta-gradient",
    "mean_distill_lr": "learning rates",
}
LRS = {"mean_distill_lr": "of the distilled images, mean", "meta_lr": "of Adam"}
COLOR = "#1f6fb4"


def training(history: pd.DataFrame, title: str) -> Figure:
    """Loss, held-out accuracy (mean with a band of one standard deviation over nets), gradient norm and rates."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    step = history["meta_step"]
    for axes, (column, label) in zip(figure.subplots(2, 2, sharex=True).flat, PANELS.items(), strict=True):
        values = history[column]
        marker = "o" if len(step) < 20 else None
        axes.plot(step, values, color=COLOR, marker=marker, markersize=3, label=LRS.get(column))
        if column == "accuracy":
            std = history["accuracy_std"]
            axes.fill_between(step, values - std, values + std, color=COLOR, alpha=0.15, linewidth=0)
            label = f"{label}: {values.iloc[-1]:.1f} at last, {history['nets'].iloc[-1]} net(s)"
        if column in LRS:
            axes.plot(step, history["meta_lr"], color="#c8571b", label=LRS["meta_lr"])
            axes.legend(frameon=False, fontsize=7)
        if column != "accuracy":
            axes.set_yscale("log")
        axes.set_title(label, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("meta-step", fontsize=8)
    figure.suptitle(title, fontsize=10)
    return figure


class Events:
    """Event files for TensorBoard in `folder`, a scalar for every number of a history; those there before are replaced.

    Raises:
        UserError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError("--tensorboard: the package is missing; `pip install tensorboard`") from error
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self.writer, self.written = SummaryWriter(str(folder)), 0

    def write(self, history: list[dict]) -> None:
        """The rows that came since the last call."""
        for row in history[self.written :]:
            for name, value in row.items():
                if name != "meta_step":
                    self.writer.add_scalar(name, value, row["meta_step"])
        self.written = len(history)
        self.writer.flush()
