"""How far running jobs are, from the checkpoints that they write."""

import time
from pathlib import Path
from typing import NamedTuple

from dd.runtime.errors import UserError
from dd.runtime.files import load_values

NEWEST = "checkpoint.safetensors"
"""The name of a job's last checkpoint."""
LOCK = "lock"
"""The name of the file that a job locks while it runs."""
PROGRESS = "progress"
"""The key of a checkpoint's state under which it is told how far the job is."""


class JobStatus(NamedTuple):
    """One job that has not finished."""

    folder: str
    """Its folder of checkpoints, relative to the one that was searched."""
    step: str
    """Such as `120 of 2400 meta-steps`; `starting` before its first checkpoint, `unreadable` if that is damaged."""
    accuracy: float | None = None
    """In percent, of held-out nets on held-out images, when that was last measured."""
    seconds_left: float | None = None
    """At the pace of the present attempt, from the last checkpoint on."""
    age: float | None = None
    """Seconds since the last checkpoint. One that is much older than the others' belongs to a job that was stopped."""
    where: str = ""
    """The host and process, and the number of the SLURM job if it is one."""


def statuses(work: Path) -> list[JobStatus]:
    """All jobs with checkpoints in `work`, or about to have some, by the names of their folders.

    Raises:
        UserError: there is no such folder.
    """
    if not work.is_dir():
        raise UserError(f"{work}: no such folder; name the one with the checkpoints of a run, such as work/laptop")
    folders = {path.parent for name in (NEWEST, LOCK) for path in work.rglob(name)}
    return [_status(folder, work) for folder in sorted(folders)]


def _status(folder: Path, work: Path) -> JobStatus:
    name, checkpoint = str(folder.relative_to(work)), folder / NEWEST
    try:
        state, age = load_values(checkpoint)["state"], time.time() - checkpoint.stat().st_mtime
    except (FileNotFoundError, UserError):
        return JobStatus(name, "unreadable" if checkpoint.exists() else "starting")
    told, history = state.get(PROGRESS), state.get("history")
    accuracy = history[-1]["accuracy"] if history else None
    if told is None:
        return JobStatus(name, "of an earlier version", accuracy, age=age)
    step = f"{told['done']} of {told['total']} {told['unit']}s"
    where = f"{told['host']}, process {told['process']}"
    if told["slurm_job"]:
        where = f"SLURM job {told['slurm_job']} on {where}"
    return JobStatus(name, step, accuracy, told["seconds_left"], age, where)
