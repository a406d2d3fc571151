"""Files: written whole or not at all, verified when read.

Torch is imported inside the functions that need it, so that commands that only write text start at once.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from dd.runtime.code_digest import commit
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

METADATA = "dd"
"""The only key of our metadata (safetensors writes several in any order). Its value: SHA-256 in hex, then JSON."""


def check_writable(path: Path) -> None:
    """Refuse a path that `atomic` could not write, as far as that can be seen without writing.

    Raises:
        UserError: it is a folder or device, or the folder it is to be in is a file or may not be written.
    """
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is not a plain file, so it cannot be replaced by one; choose another name")
        folder = next(folder for folder in path.absolute().parents if folder.exists())  # `atomic` makes those below it
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UserError(f"{path}: cannot write ({error.strerror}); choose another folder or name") from error


@contextlib.contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, which is renamed to `path` if the block ends well and removed if it does not.

    Raises:
        UserError: the disk is full, the folder cannot be written, `path` is a folder or device, or the block cannot
            read another file, which the message then names. `path` is unchanged.
    """
    path = Path(path)
    temporary = None
    try:
        check_writable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        if temporary and (read := _unreadable_input(error, temporary)):
            raise UserError(f"{read}: cannot read ({reason}); check that it exists and is readable") from error
        raise UserError(f"{path}: cannot write ({reason}); free some space or choose another folder") from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def _unreadable_input(error: OSError | SafetensorError, temporary: Path) -> str | None:
    """The input file that could not be read, or None if writing `temporary` failed.

    When a copy fills the disk, shutil names the file it was reading. So a full disk always counts as an error of
    writing.
    """
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    named = getattr(error, "filename", None)
    return None if full or named in (None, str(temporary)) else named


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path | str, text: str) -> None:
    """Write `text` atomically, in UTF-8 for every locale."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def save_tensors(path: Path | str, tensors: dict[str, Tensor], values: dict) -> None:
    """Write tensors and `values`, which JSON must be able to hold, as one `.safetensors` with a digest of both."""
    from safetensors.torch import save_file

    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps(values)
    with atomic(path) as temporary:
        save_file(tensors, temporary, {METADATA: digest_of(tensors, text) + text})


def load_tensors(path: Path | str) -> tuple[dict[str, Tensor], dict]:
    """The tensors and values that `save_tensors` wrote to `path`.

    Raises:
        UserError: there is no such file, or it is truncated, changed since it was written, or not by `save_tensors`.
    """
    from safetensors.torch import load

    try:
        content = Path(path).read_bytes()
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.get("__metadata__", {})
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: damaged or not a .safetensors file ({error})") from error
    if METADATA not in metadata:
        raise UserError(f"{path}: a .safetensors file, but not written by this program")
    digest, text = metadata[METADATA][:64], metadata[METADATA][64:]
    if digest != digest_of(tensors, text):
        raise UserError(f"{path}: its contents do not match its checksum; it was damaged after writing")
    return tensors, json.loads(text)


def load_values(path: Path | str) -> dict:
    """The values alone that `save_tensors` wrote to `path`; nothing is compared with the digest.

    Raises:
        UserError: as `load_tensors`, except for what only the tensors tell.
    """
    try:
        with Path(path).open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return json.loads(header["__metadata__"][METADATA][64:])
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        raise UserError(f"{path}: damaged or not written by this program ({error})") from error


def digest_of(tensors: dict[str, Tensor], text: str = "") -> str:
    """The SHA-256 of a text and tensors, as docs/formats.md describes it, in hexadecimal digits."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file, in hex.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check that it is a readable file") from error


def provenance() -> dict[str, str]:
    """Versions and git commit, for the metadata of results."""
    import torch

    return {
        "commit": commit(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # a plain text, which torch.load takes for no code
    }
