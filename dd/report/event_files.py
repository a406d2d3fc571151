"""The history of a distillation as event files for TensorBoard."""

import math
from pathlib import Path

from dd.runtime.errors import UserError


class EventFiles:
    """Event files for TensorBoard in `folder`, with one scalar for each number of a history.

    Event files that are there already are replaced.

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
        self.writer = SummaryWriter(str(folder))
        self.rows_written = 0

    def write(self, history: list[dict]) -> None:
        """Write the rows of the history that are new since the last call, but for numbers that a row does not have."""
        for row in history[self.rows_written :]:
            for name, value in row.items():
                if name != "meta_step" and not math.isnan(value):
                    self.writer.add_scalar(name, value, row["meta_step"])
        self.rows_written = len(history)
        self.writer.flush()
