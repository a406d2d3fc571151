"""Several processes that share one computation: one process for each GPU, or for each CPU thread.

The process that the user started is the leader. It starts the others with its own command and shares the work with
them. They write nothing, and end when the leader ends. Under torchrun, which sets RANK, WORLD_SIZE and MASTER_ADDR, all
processes are already running and join each other.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from dd.runtime.devices import started_as
from dd.runtime.errors import StoppedError, UserError

RENDEZVOUS = "DD_RENDEZVOUS"
"""Environment variable: the file through which processes started here find each other."""
PATIENCE = timedelta(days=20)
"""How long a process waits for the others. The death of a process is noticed at once, because its connection closes,
unless its machine died with it."""


class ProcessGroup:
    """The processes that share a computation, seen from one of them. `ProcessGroup()` is a single process."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def leads(self) -> bool:
        """Whether this process is the leader, which writes the results."""
        return self.rank == 0

    def share(self, units: range) -> range:
        """This process's part of the work."""
        return units[self.rank :: self.size]

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """`tensor`, replaced by the sum of the processes' tensors."""
        if self.size > 1:
            here = tensor.cpu()
            dist.all_reduce(here)
            tensor.copy_(here)
        return tensor

    def agree(self, number: float) -> bool:
        """Whether `number` is the same in all processes."""
        numbers = torch.zeros(self.size, dtype=torch.float64)
        numbers[self.rank] = number
        return len(set(self.all_reduce(numbers).tolist())) == 1

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any process."""
        return bool(self.all_reduce(torch.tensor([float(flag)])).item()) if self.size > 1 else flag


def leads() -> bool:
    """Whether this process leads its group, or will lead it when the group is made."""
    return started_as()[0] == 0


def local_rank() -> int:
    """The number of this process among those on its machine, which is also the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", started_as()[0]))


def split(workers: int, units: int) -> int:
    """The fewest processes that do `units` equal pieces of work as fast as `workers` processes would."""
    largest_share = -(-units // min(workers, units))
    return -(-units // largest_share)


@contextlib.contextmanager
def process_group(workers: int, units: int, device: str) -> Iterator[ProcessGroup]:
    """The processes that share `units` equal pieces of work; `device` is `"cpu"`, or `"cuda"` for one GPU each.

    On a CPU, the threads of PyTorch are divided among the processes.

    Raises:
        UserError: another process ended early, or there are more processes than `units`.
    """
    rank, already = started_as()
    size = already or split(workers, units)
    threads = torch.get_num_threads()
    if size == 1:
        yield ProcessGroup()
        return
    if size > units:
        raise UserError(f"{size} processes are too many to share {units} net(s); start at most {units}")
    helpers: contextlib.AbstractContextManager[list[_Other]] = contextlib.nullcontext([]) if already else _others(size)
    with helpers as others:
        try:
            if device == "cpu":
                torch.set_num_threads(max(1, threads // size))
            # gloo with GPUs too: it notices at once when a process has ended, and a meta-gradient is only a megabyte
            dist.init_process_group("gloo", timeout=PATIENCE, **_meeting(rank, size, others))
            yield ProcessGroup(rank, size)
            dist.destroy_process_group()
        except (UserError, StoppedError):  # in order: torn down at exit instead, the group once aborted the process
            if dist.is_initialized():
                dist.destroy_process_group()
            raise
        except RuntimeError as error:  # a collective operation raises it when another process has ended
            if reason := _failure(others):
                raise UserError(f"{reason}; run again to go on") from error
            raise
        finally:
            torch.set_num_threads(threads)
        for other in others:
            other.process.wait()


def _meeting(rank: int, size: int, others: list["_Other"]) -> dict:
    """The arguments by which `init_process_group` finds the other processes; the leader waits for those it started.

    Raises:
        RuntimeError: one of them ended before it was ready.
    """
    if RENDEZVOUS not in os.environ:
        # called here rather than by PyTorch, so that it is noticed sooner if a process never joins
        store, rank, size = next(rendezvous("env://"))
        return {"store": store, "rank": rank, "world_size": size}
    store = dist.FileStore(os.environ[RENDEZVOUS], size)  # type: ignore[attr-defined]  # it is documented
    if rank:
        threading.Thread(target=_end_with_the_leader, daemon=True).start()
        store.add("here", 1)
    else:
        while store.add("here", 0) < size - 1:
            if any(other.process.poll() is not None for other in others):
                raise RuntimeError("a process ended before it joined the group")
            time.sleep(0.05)
    return {"store": store, "rank": rank, "world_size": size}


def _end_with_the_leader() -> None:
    sys.stdin.buffer.read()  # returns when the leader, which holds this pipe open, has ended
    os._exit(1)


def _failure(others: list["_Other"]) -> str:
    """Which process ended first, and why; empty if all are alive.

    A process that was killed has a negative exit code. So it is chosen before those that lost their connection to it.
    """
    deadline = time.monotonic() + 5  # a connection closes a moment before its process ends
    failed = [other for other in others if other.ended(deadline - time.monotonic())]
    return min(failed, key=lambda other: other.process.returncode).reason() if failed else ""


class _Other:
    """Another process, started with the command of this one. Its output is kept in case it fails."""

    def __init__(self, rank: int, size: int, folder: Path) -> None:
        self.rank, self.size, self.log = rank, size, folder / f"{rank}.log"
        environment = os.environ | {"RANK": str(rank), "WORLD_SIZE": str(size)}
        with self.log.open("wb") as log:
            command = [sys.executable, *sys.orig_argv[1:]]
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)

    def ended(self, seconds: float) -> bool:
        """Whether it has ended, or ends within `seconds`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=max(0, seconds))
        return self.process.returncode is not None

    def reason(self) -> str:
        """Why it ended."""
        code = self.process.returncode
        if code == -signal.SIGKILL:
            return f"process {self.rank + 1} of {self.size} was killed (by the system if memory ran out)"
        last_line = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
        why = f"exit code {code}: {last_line}" if last_line else f"exit code {code}"
        return f"process {self.rank + 1} of {self.size} ended early ({why})"


@contextlib.contextmanager
def _others(size: int) -> Iterator[list[_Other]]:
    with tempfile.TemporaryDirectory(prefix="dd-") as folder:
        os.environ[RENDEZVOUS] = str(Path(folder) / "rendezvous")
        # all of them are on this machine
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
        others = [_Other(rank, size, Path(folder)) for rank in range(1, size)]
        try:
            yield others
        finally:
            for other in others:  # they have nothing to save, and may be waiting for this process
                other.process.kill()
                other.process.wait()
            del os.environ[RENDEZVOUS]
