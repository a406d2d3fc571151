"""Files of other programs, opened without running anything that is in them."""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dd.data.prepared import read_arrays
from dd.runtime.errors import UserError, reason
from dd.runtime.files import sha256

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
PICKLE = b"\x80\x02"
"""How a file of `torch.save` began before it was a zip archive."""
MSGPACK = re.compile(rb"([\x81-\x8f]|\xde..|\xdf....)[\xa1-\xbf\xd9]", re.DOTALL)
"""How a dictionary begins in msgpack: its size, then a text, which is the first key."""
FLAX_ARRAY = 1
"""The type of extension by which flax packs an array: its shape, the name of its type, its bytes."""
COMMAND = "python -m dd import {path} --data DATASET.npz --out set.safetensors"


@dataclass(frozen=True)
class ForeignFile:
    """A file of another program, or a folder of pictures."""

    path: Path
    container: str
    """`torch`, `npz`, `hdf5`, `msgpack` or `folder`."""
    content: Any
    """Tensors or arrays as the program has nested them; by name, except for `torch`; of a folder None."""

    def has(self, *names: str) -> bool:
        """Whether the content is a dictionary with these keys."""
        return isinstance(self.content, dict) and all(name in self.content for name in names)

    @property
    def digest(self) -> str:
        """The SHA-256 of the file; of a folder, of the names and digests of its files."""
        if self.container != "folder":
            return sha256(self.path)
        files = sorted(file for file in self.path.rglob("*") if file.is_file())
        listed = "".join(f"{file.relative_to(self.path).as_posix()} {sha256(file)}\n" for file in files)
        return hashlib.sha256(listed.encode()).hexdigest()


def container(path: Path) -> str | None:
    """What `path` is, by how it begins; None if it is nothing that can be imported.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    if path.is_dir():
        return "folder"
    try:
        with path.open("rb") as file:
            start, after = file.read(8), file.read(1)
        if after == b"{" and path.suffix == ".safetensors":  # after the length of its header, which may be any bytes
            return None
        if start.startswith(ZIP):
            with zipfile.ZipFile(path) as archive:
                return "npz" if all(name.endswith(".npy") for name in archive.namelist()) else "torch"
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check that it is a readable file") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"{path}: truncated or damaged ({error}); fetch it again") from error
    if start.startswith(PICKLE):
        return "torch"
    if start == HDF5:
        return "hdf5"
    return "msgpack" if MSGPACK.match(start) else None


def open_foreign(path: Path) -> ForeignFile:
    """Open a file of another program.

    Raises:
        UserError: there is no such file, it is of no known kind, truncated or damaged, it holds more than plain data
            and so might run code, or the package that reads such files is not installed.
    """
    kind = container(path)
    if kind is None:
        if path.suffix == ".safetensors":
            raise UserError(f"{path}: a .safetensors is no format of others; a set of this program needs no import")
        raise UserError(f"{path}: neither .pt, .npz, .h5, msgpack nor a folder of pictures; see `dd import --help`")
    readers = {"torch": _read_torch, "npz": read_arrays, "hdf5": _read_hdf5, "msgpack": _read_msgpack}
    return ForeignFile(path, kind, readers[kind](path) if kind in readers else None)


def refuse_foreign(path: Path) -> None:
    """Refuse a set of another program where one of ours is wanted; say how it is imported.

    Raises:
        UserError: it is one.
    """
    if path.exists() and container(path):
        raise UserError(f"{path}: not a .safetensors; import it first: {COMMAND.format(path=path)}")


def _read_torch(path: Path) -> Any:
    """What `torch.save` wrote, if it is tensors, numbers and texts in lists and dictionaries."""
    import torch
    from numpy._core.multiarray import scalar

    # accuracies stand in files as NumPy's numbers; PyTorch knows these three by other names than older NumPys wrote
    numbers: list[Any] = [(scalar, "numpy.core.multiarray.scalar"), scalar, np.dtype, np.dtypes.Float64DType]
    try:
        with torch.serialization.safe_globals(numbers), warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # damaged files raise errors of any kind
        if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise UserError(
                f"{path}: holds {found[1]}, which is no plain data and might run code, so it is not read; save its "
                "images and labels as tensors, where it was made"
            ) from error
        raise UserError(f"{path}: truncated or damaged ({reason(error)[:100]}); fetch it again") from error


def _read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """The arrays of numbers in the file itself; links to other files are not followed."""
    try:
        import h5py
    except ImportError as error:
        raise UserError(f"{path}: reading .h5 needs h5py; install it (pip install h5py)") from error
    try:
        with h5py.File(path, "r") as file:
            arrays = {}
            for name in file:
                if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                    continue
                found = file[name]
                plain = isinstance(found, h5py.Dataset) and not found.external and not found.is_virtual
                if plain and found.dtype.kind in "fiu":
                    arrays[name] = found[()]
            return arrays
    except MemoryError:
        raise
    except Exception as error:
        raise UserError(f"{path}: truncated or damaged ({reason(error)[:100]}); fetch it again") from error


def _read_msgpack(path: Path) -> dict[str, Any]:
    """A checkpoint of flax: nested dictionaries of arrays."""
    try:
        import msgpack
    except ImportError as error:
        raise UserError(
            f"{path}: reading a checkpoint of flax needs msgpack; install it (pip install msgpack)"
        ) from error
    try:
        return msgpack.unpackb(path.read_bytes(), ext_hook=_flax_array, raw=False, strict_map_key=False)
    except MemoryError:
        raise
    except Exception as error:
        raise UserError(f"{path}: truncated or damaged ({reason(error)[:100]}); fetch it again") from error


def _flax_array(kind: int, packed: bytes) -> np.ndarray | None:
    import msgpack

    if kind != FLAX_ARRAY:
        return None
    shape, name, content = msgpack.unpackb(packed, raw=False)
    return np.frombuffer(content, np.dtype(name)).reshape(shape)
