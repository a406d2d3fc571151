"""Several processes at one computation: one a GPU, or one a CPU core or more.

The process the user started leads. It starts the others as copies of its own command and shares the work with them;
they write nothing, and end with it. Under torchrun or srun, which set RANK, WORLD_SIZE and MASTER_ADDR, the processes
are there already and join each other.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from dd.runtime.errors import UserError

RENDEZVOUS = "DD_RENDEZVOUS"
"""File through which processes started here find each other."""

THREADS = 2
"""Of a process on a CPU: two share a batch about as well as two processes share networks, in half the memory."""


class Team:
    """What a process must know of the others. `Team()` is one process alone."""

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes results."""
        return self.rank == 0

    def share(self, units: range) -> range:
        """This process's part of the work."""
        return units[self.rank :: self.size]

    def add_up(self, tensor: Tensor) -> Tensor:
        """`tensor`, replaced by the sum of the processes' tensors."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        return bool(self.add_up(torch.tensor([float(flag)])).item()) if self.size > 1 else flag


def leads() -> bool:
    """Whether this process leads its team, or will, once there is one."""
    return int(os.environ.get("RANK", 0)) == 0


def local_rank() -> int:
    """The number of this process among those on its machine, and so of its GPU."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("RANK", 0)))


def split(workers: int, units: int) -> int:
    """How many processes share `units` equal pieces on `workers` cores or GPUs: as few as take no longer than more."""
    largest_share = -(-units // min(workers, units))
    return -(-units // largest_share)


@contextlib.contextmanager
def team(workers: int, units: int, device: str) -> Iterator[Team]:
    """The processes that share `units` equal pieces of work; `device` is `"cpu"` or `"cuda"`, a GPU for each of them.

    On a CPU the threads PyTorch has are divided among them.

    Raises:
        UserError: one of them ended early.
    """
    size = int(os.environ.get("WORLD_SIZE", 0)) or split(workers, units)
    if size == 1:
        yield Team()
        return
    if size > units:
        raise UserError(f"{size} processes are too many to share {units} net(s); start at most {units}")
    rank = int(os.environ.get("RANK", 0))
    if device == "cpu":
        torch.set_num_threads(max(1, torch.get_num_threads() // size))
    with contextlib.nullcontext([]) if "RANK" in os.environ else _others(size) as others:
        where = f"file://{os.environ[RENDEZVOUS]}" if RENDEZVOUS in os.environ else "env://"
        try:
            dist.init_process_group(
                "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl", where, rank=rank, world_size=size
            )
            yield Team(rank, size)
            dist.destroy_process_group()
        except RuntimeError as error:  # what a collective raises when another process has gone
            if reasons := [reason for other in others if (reason := other.failure())]:
                raise UserError(f"{reasons[0]}; run again to go on") from error
            raise
        for other in others:
            other.process.wait()


class _Other:
    """A copy of this process's command as rank `rank`; what it says goes into a file, to be seen only if it fails."""

    def __init__(self, rank: int, size: int, folder: Path):
        self.rank, self.size, self.log = rank, size, folder / f"{rank}.log"
        environment = os.environ | {"RANK": str(rank), "WORLD_SIZE": str(size)}
        with self.log.open("wb") as log:
            command = [sys.executable, *sys.orig_argv[1:]]
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def failure(self) -> str:
        """Why it ended, or nothing if it has not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(timeout=5)  # its connection closes a moment before it ends
            said = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
            return f"process {self.rank + 1} of {self.size} ended early (exit code {code}{said and ': '}{said})"
        return ""


@contextlib.contextmanager
def _others(size: int) -> Iterator[list[_Other]]:
    with tempfile.TemporaryDirectory(prefix="dd-") as folder:
        os.environ[RENDEZVOUS] = str(Path(folder) / "rendezvous")
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # they all are on this machine
        others = [_Other(rank, size, Path(folder)) for rank in range(1, size)]
        try:
            yield others
        finally:
            for other in others:  # they hold nothing to be saved, and may be waiting for this process
                other.process.kill()
                other.process.wait()
            del os.environ[RENDEZVOUS]
