"""Where the arrays of a dataset come from: a mirror folder first, then torchvision's checked download."""

import contextlib
import hashlib
import io
import tempfile
from pathlib import Path
from urllib.error import URLError

import numpy as np

from dd.data.dataset import Arrays
from dd.runtime.artifacts import sha256
from dd.runtime.errors import UserError


def from_mirror(name: str, mirror: Path) -> Path | None:
    """The file `<mirror>/<name>.npz`, checked against the folder's SHA256SUMS where that lists it, or None.

    Raises:
        UserError: the folder is not there, or the file does not match its checksum.
    """
    if not mirror.is_dir():
        raise UserError(f"data.mirror: {mirror} is not a folder")
    path = mirror / f"{name}.npz"
    if not path.exists():
        return None
    sums = mirror / "SHA256SUMS"
    lines = sums.read_text().splitlines() if sums.exists() else []
    expected = {file.strip().lstrip("*"): digest for digest, _, file in (line.partition(" ") for line in lines)}
    if expected.get(path.name, (found := sha256(path))) != found:
        raise UserError(f"{path}: its SHA-256 is {found}, but {sums} says {expected[path.name]}; copy the file again")
    return path


def from_torchvision(name: str) -> Arrays:
    """Download MNIST, USPS, CIFAR-10 or SVHN in their official form; torchvision checks every MD5.

    Raises:
        UserError: no network, a file that does not match its checksum, or a disk that is full.
    """
    from torchvision import datasets

    classes = {"mnist": datasets.MNIST, "usps": datasets.USPS, "cifar10": datasets.CIFAR10, "svhn": datasets.SVHN}
    arrays = {}
    with tempfile.TemporaryDirectory(prefix=f"dd-{name}-") as raw:
        for split in ("train", "test"):
            which = {"split": split} if name == "svhn" else {"train": split == "train"}
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    dataset = classes[name](raw, download=True, **which)
            except (URLError, OSError, RuntimeError, EOFError) as error:
                reason = " ".join(str(error).split())
                raise UserError(
                    f"{name}: the download failed ({reason}). Connect to the network and try again, or put a prepared "
                    f"{name}.npz into a folder and name that folder in data.mirror (--mirror)"
                ) from error
            images = np.asarray(dataset.data)
            arrays[f"x_{split}"] = images.transpose(0, 2, 3, 1) if name == "svhn" else images
            arrays[f"y_{split}"] = np.asarray(dataset.labels if name == "svhn" else dataset.targets, np.uint8)
    return arrays


def digest(array: np.ndarray) -> str:
    """SHA-256 of an array's bytes, independent of how the file around it was packed."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
