"""A long job of many steps that saves checkpoints, stops when it is asked to, and goes on when it is started again."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from torch import Tensor
from tqdm import tqdm

from dd.runtime.errors import UserError
from dd.runtime.process_group import ProcessGroup


class StoppedError(Exception):
    """The process received SIGTERM or SIGINT, and the state has been saved."""


class Job(Protocol):
    """A job of `total` steps, of which `done` are done."""

    unit: str
    """What one step is called."""

    @property
    def total(self) -> int:
        """Steps in all."""

    @property
    def done(self) -> int:
        """Steps done."""

    def advance(self, bar: tqdm) -> None:
        """Do one step, and show its result on the bar."""

    def state(self) -> tuple[dict[str, Tensor], dict]:
        """Everything a restart needs: tensors, and plain values for JSON."""

    def restore(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Go on from a `state`."""


class Store(Protocol):
    """Where states are kept; `dd.runtime.checkpoints.Checkpoints` is one."""

    @property
    def due(self) -> bool:
        """Whether it is time to save."""

    def save(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Save a state."""

    def load(self) -> tuple[dict[str, Tensor], dict] | None:
        """The last state, or None if none was saved."""


def run_to_end(
    job: Job, store: Store, progress: Callable[[int, int], tqdm], *, group: ProcessGroup | None = None
) -> None:
    """Run a job to its last step, from the state in `store` if there is one.

    Args:
        job: the job at its start; this function restores its state from `store`.
        store: the state is saved to it whenever that is due, and on SIGTERM or Ctrl-C.
        progress: makes the bar from (total, done).
        group: processes that do each step together. Only the leader saves.

    Raises:
        StoppedError: the process received a signal; run again to go on.
        UserError: the job or the store raised it, or the processes of the group have restored different states.
    """
    group = group or ProcessGroup()
    if saved := store.load():
        job.restore(*saved)
    if not group.agree(job.done):
        raise UserError(f"the processes go on from different {job.unit}s; give all of them one --work folder")
    with stop_signals() as signals, progress(job.total, job.done) as bar:
        while job.done < job.total:
            job.advance(bar)
            bar.update()
            stopped = group.any(bool(signals))
            if group.leads and (stopped or store.due):
                store.save(*job.state())
            if stopped:
                raise StoppedError(f"stopped at {job.unit} {job.done} of {job.total}; run again to go on")


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that collects SIGTERM and SIGINT as they arrive, so that the step in progress can be finished first."""
    signals: list[int] = []
    handlers = {
        s: signal.signal(s, lambda number, _frame: signals.append(number)) for s in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield signals
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
