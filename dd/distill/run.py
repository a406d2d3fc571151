"""One whole distillation: a trainer, its history and its checkpoints."""

import math
import sys
import time
from collections.abc import Callable

from torch import Tensor
from tqdm import tqdm

from dd.distill.metrics import sample_std
from dd.distill.snapshots import Snapshots
from dd.distill.trainer import Progress, Trainer
from dd.runtime.loop import Store, run_to_end

MakeBar = Callable[[int, int], tqdm]
"""Makes a bar from (total, done)."""
Record = Callable[[list[dict]], None]
"""Takes the history."""


def run(
    trainer: Trainer,
    validate: Callable[[], Tensor],
    store: Store,
    progress: MakeBar,
    record: Record,
    snapshots: Snapshots,
) -> list[dict]:
    """Run `trainer` to its last meta-step, from the state in `store` if there is one.

    Args:
        trainer: at meta-step 0; this function restores its state from `store`. Only the leader of its group saves and
            records.
        validate: gives accuracies in percent `[nets]` of the set as it is now.
        store: the state is saved to it whenever that is due, and on SIGTERM or Ctrl-C.
        progress: makes the bar from (total, done).
        record: called with the history when it is restored, whenever it has grown, and at the end.
        snapshots: is given the images at every meta-step.

    Returns:
        The history: a row at meta-step 0, every `validation_interval` meta-steps and at the end. All columns but
        `seconds` are reproducible.

    Raises:
        StoppedError: the process received a signal; run again to go on.
        UserError: the trainer or the store raised it, or the processes of the group have restored different states.
    """
    distillation = Distillation(trainer, validate, record, snapshots)
    run_to_end(distillation, store, progress, group=trainer.group)
    distillation.record_rows()
    return distillation.history.rows


class History:
    """Rows of measurements, and what has been counted since the last row."""

    def __init__(self) -> None:
        self.rows: list[dict] = []
        self.losses: list[float] = []
        self.clipped = 0
        self.started = time.monotonic()

    def count(self, progress: Progress) -> None:
        """Count one meta-step."""
        self.clipped += progress.clipped
        if not progress.skipped:
            self.losses.append(progress.loss)

    def add_row(self, trainer: Trainer, progress: Progress, accuracies: Tensor) -> None:
        """Add a row for the meta-steps since the last row; `accuracies [nets]` are in percent."""
        self.rows.append(
            {
                "meta_step": trainer.meta_step,
                "loss": sum(self.losses) / len(self.losses) if self.losses else math.nan,
                "grad_norm": progress.grad_norm,
                "clipped": self.clipped,
                "skipped": trainer.skipped,
                "meta_lr": trainer.config.meta_lr_at(trainer.meta_step),
                "mean_distill_lr": trainer.learned.lrs.mean().item(),
                "accuracy": accuracies.mean().item(),
                "accuracy_std": sample_std(accuracies),
                "nets": len(accuracies),
                "seconds": round(time.monotonic() - self.started, 1),
            }
        )
        self.losses, self.clipped = [], 0

    def state(self) -> dict:
        """Everything a restart needs, for JSON."""
        elapsed = time.monotonic() - self.started
        return {"history": self.rows, "elapsed": elapsed, "losses": self.losses, "clipped": self.clipped}

    def restore(self, values: dict) -> None:
        """Go on from a `state`."""
        self.rows, self.losses, self.clipped = values["history"], values["losses"], values["clipped"]
        self.started = time.monotonic() - values["elapsed"]


class Distillation:
    """A `dd.runtime.loop.Job`: the meta-steps of a trainer, with validation and history."""

    unit = "meta-step"

    def __init__(self, trainer: Trainer, validate: Callable[[], Tensor], record: Record, snapshots: Snapshots) -> None:
        """See `run`."""
        self.trainer, self.validate, self.record, self.snapshots = trainer, validate, record, snapshots
        self.history = History()

    @property
    def total(self) -> int:
        """Meta-steps in all."""
        return self.trainer.config.meta_steps

    @property
    def done(self) -> int:
        """Meta-steps done."""
        return self.trainer.meta_step

    def advance(self, bar: tqdm) -> None:
        """Do one meta-step, and validation if it is due; before the first meta-step it is due too."""
        if self.done == 0:
            self.history.add_row(self.trainer, Progress(math.nan, math.nan), self.validate())
            self.record_rows()
            self._take_snapshot()
        progress = self.trainer.step()
        self.history.count(progress)
        self._take_snapshot()
        if progress.skipped and self.trainer.group.leads:
            why = f"the loss is {progress.loss:.3g} and the norm of its gradient {progress.grad_norm:.3g}"
            bar.write(f"meta-step {self.done - 1}: skipped, because {why}", sys.stderr)
        if self.done % self.trainer.config.validation_interval == 0 or self.done == self.total:
            self.history.add_row(self.trainer, progress, self.validate())
            self.record_rows()
        postfix = {"loss": f"{progress.loss:.3f}"}
        if self.history.rows:
            postfix["validation"] = f"{self.history.rows[-1]['accuracy']:.1f}%"
        bar.set_postfix(postfix, refresh=False)

    def _take_snapshot(self) -> None:
        self.snapshots.take(self.done, self.trainer.learned.images)

    def record_rows(self) -> None:
        """Record the history, if this process is the leader."""
        if self.trainer.group.leads:
            self.record(self.history.rows)

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """The state of the trainer, the history and the snapshots."""
        tensors, values = self.trainer.state()
        return tensors | self.snapshots.state(), {"trainer": values} | self.history.state()

    def restore(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Go on from a `state`."""
        self.trainer.restore(tensors, values["trainer"])
        self.history.restore(values)
        self.snapshots.restore(tensors)
        if self.history.rows:
            self.record_rows()  # Snakemake has removed the outputs of the failed job
