"""Checkpoints that survive kill -9, and a lock that lets only one run use them."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from dd.runtime.code_digest import digest
from dd.runtime.errors import STOPPED, StoppedError, UserError
from dd.runtime.files import load_tensors, save_tensors
from dd.runtime.identity import differences
from dd.runtime.process_group import leads
from dd.runtime.status import LOCK, NEWEST

PREVIOUS = "checkpoint.previous.safetensors"
COMING = f"new.{NEWEST}"
"""The name of a new checkpoint until `NEWEST` has been renamed to `PREVIOUS`."""


@contextlib.contextmanager
def checkpointed(
    out: Path,
    *,
    work: Path | None,
    settings: Mapping[str, object],
    modules: tuple[str, ...],
    every_seconds: float,
    alone: bool = False,
    force: bool = False,
) -> Iterator["Checkpoints"]:
    """The checkpoints of a command that makes the file `out`, removed when the block ends well.

    The process that writes them holds the lock of their folder. If the block raises `StoppedError`, its message goes to
    standard error and the process ends with status `STOPPED`.

    Args:
        out: the file that is made.
        work: the folder of the checkpoints; None means a folder beside `out`.
        settings: the settings that decide the result. PyTorch's version and a digest of the code are added.
        modules: the modules whose code decides the result.
        every_seconds: see `Checkpoints`.
        alone: whether this process writes them wherever it is started. If not, only the leader of its group does.
        force: see `Checkpoints`.

    Raises:
        UserError: another run holds the lock, or the folder cannot be written.
    """
    identity = {**settings, "torch": torch.__version__, "code": digest(*modules)}
    checkpoints = Checkpoints(work or out.with_name(out.name + ".work"), identity, every_seconds, force=force)
    writes = alone or leads()
    with checkpoints.locked() if writes else contextlib.nullcontext():
        try:
            yield checkpoints
        except StoppedError as stopped:
            print(stopped, file=sys.stderr, flush=True)
            sys.exit(STOPPED)
        if writes:
            checkpoints.clear()


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


class Checkpoints:
    """The last two states of a run in `folder`, each written whole.

    `identity` holds what decides the result. A checkpoint of another identity is refused, or by `force` ignored and
    replaced.
    """

    def __init__(self, folder: Path | str, identity: dict, every_seconds: float = 60, *, force: bool = False) -> None:
        self.folder = Path(folder)
        self.identity = identity
        self.every_seconds = every_seconds
        self.force = force
        self._saved = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether `every_seconds` have passed since the last save."""
        return time.monotonic() - self._saved >= self.every_seconds

    def save(self, tensors: dict[str, Tensor], values: dict) -> None:
        """Save this state, and keep the state saved before it."""
        newest, previous = self.folder / NEWEST, self.folder / PREVIOUS
        temporary = self.folder / COMING
        save_tensors(temporary, tensors, {"identity": self.identity, "state": values})
        if newest.exists():
            newest.replace(previous)
        temporary.replace(newest)
        self._saved = time.monotonic()

    def load(self, warn: Callable[[str], None] = _warn) -> tuple[dict[str, Tensor], dict] | None:
        """The newest readable state, or None if none was saved; calls `warn` with a message for each damaged one.

        Raises:
            UserError: the checkpoint has another identity, or no checkpoint in the folder can be read.
        """
        damaged = []
        for path in (self.folder / NEWEST, self.folder / COMING, self.folder / PREVIOUS):
            if not path.exists():
                continue
            try:
                tensors, values = load_tensors(path)
            except UserError as error:
                damaged.append(path)
                warn(f"warning: {error}; trying the one before")
                continue
            if changed := sorted(differences(values["identity"], self.identity)):
                if self.force:
                    continue
                raise UserError(
                    f"{path}: made with other settings ({'; '.join(changed)}). Put them back to go on, or delete "
                    f"{self.folder} (or use --force) to start anew"
                )
            return tensors, values["state"]
        if damaged and not self.force:
            raise UserError(f"{self.folder}: no checkpoint here can be read; delete the folder to start anew")
        return None

    def clear(self) -> None:
        """Remove the checkpoints, and the folder if it is then empty. Call this inside `locked`, when all is done."""
        own = [self.folder / name for name in (NEWEST, PREVIOUS, COMING, LOCK)]
        unfinished = self.folder.glob(f".{Path(COMING).stem}.*")  # what `atomic` was writing when a run was killed
        for path in (*unfinished, *own):
            path.unlink(missing_ok=True)  # another run that has opened the lock file notices that it is gone
        with contextlib.suppress(OSError):  # the folder is not empty
            self.folder.rmdir()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the folder; the kernel releases it even after kill -9.

        Raises:
            UserError: another run holds it, or the folder cannot be written.
        """
        lock = FileLock(self.folder / LOCK, timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise UserError(f"{self.folder}: another run is working here; wait for it or stop it") from error
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written ({error.strerror}); choose another --work") from error
        try:
            yield
        finally:
            lock.release()
