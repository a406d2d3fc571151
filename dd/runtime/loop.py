"""A long job of many steps that saves checkpoints, stops when it is asked to, and goes on when it is started again."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from torch import Tensor
from tqdm import tqdm

from dd.runtime.errors import StoppedError, UserError
from dd.runtime.memory import peak_mb
from dd.runtime.process_group import ProcessGroup
from dd.runtime.status import PROGRESS

MEASURED_STEPS = 5
"""Steps after which a job says how long it will take."""
LONG = 30
"""Seconds from which on a job says so."""


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


class Nowhere:
    """A `Store` that keeps nothing: what is interrupted begins anew."""

    due = False

    def save(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Save nothing."""

    def load(self) -> None:
        """Nothing was saved."""


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
    pace = Pace(job)
    with stop_signals() as signals, progress(job.total, job.done) as bar:
        while job.done < job.total:
            job.advance(bar)
            bar.update()
            if group.leads and (estimate := pace.estimate()):
                bar.write(estimate, sys.stderr)
            stopped = group.any(bool(signals))
            if group.leads and (stopped or store.due):
                tensors, values = job.state()
                store.save(tensors, values | {PROGRESS: pace.told()})
            if stopped:
                raise StoppedError(f"stopped at {job.unit} {job.done} of {job.total}; run again to go on")


class Pace:
    """How fast a job is, from the moment this is made on."""

    def __init__(self, job: Job) -> None:
        self.job, self.first, self.began = job, job.done, time.monotonic()
        self.warm = self.began

    def estimate(self) -> str:
        """How long the job will take and how much memory it has needed, after `MEASURED_STEPS`; empty at other times.

        It is also empty if little is left. The first step is not counted: validation and preparations belong to it.
        """
        job = self.job
        if job.done - self.first == 1:
            self.warm = time.monotonic()
        seconds = (time.monotonic() - self.warm) / (MEASURED_STEPS - 1) * (job.total - job.done)
        if job.done - self.first != MEASURED_STEPS or seconds < LONG:
            return ""
        left = timedelta(seconds=round(seconds))
        return f"{left} (h:mm:ss) left at the pace of the first {job.unit}s; memory so far {peak_mb():,} MB"

    def told(self) -> dict:
        """How far the job is, how many seconds are left at this pace, and where it runs, for JSON."""
        job = self.job
        each = (time.monotonic() - self.began) / max(job.done - self.first, 1)
        return {
            "unit": job.unit,
            "done": job.done,
            "total": job.total,
            "seconds_left": round(each * (job.total - job.done), 1),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
        }


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that collects SIGTERM and SIGINT as they arrive, so that the step in progress can be finished first.

    Only a process's main thread may ask for signals; in another one, the list stays empty.
    """
    signals: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    handlers = {
        s: signal.signal(s, lambda number, _frame: signals.append(number)) for s in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield signals
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
