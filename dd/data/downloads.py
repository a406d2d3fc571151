"""Official files: taken from a mirror or downloaded, and checked by their MD5."""

import contextlib
import io
import socket
import tempfile
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np

from dd.data.prepared import Arrays
from dd.runtime.errors import UserError, reason

SILENCE = 60
"""Seconds without a byte after which a download has failed."""


@contextlib.contextmanager
def official_files(name: str, files: Mapping[str, str], mirror: Path | None) -> Iterator[list[Path]]:
    """The paths of the official files of the dataset `name`, in the order of `files`, which maps address to MD5.

    A file that `mirror` has is used there. The others are downloaded, and removed when the block ends.

    Raises:
        UserError: a download fails, or the MD5 of a file is not the official one.
    """
    from torchvision.datasets.utils import download_url

    with tempfile.TemporaryDirectory(prefix=f"dd-{name}-") as folder:
        paths = []
        for url, md5 in files.items():
            file = url.rpartition("/")[2]
            if mirror and (mirror / file).exists():
                paths.append(checked(mirror / file, md5))
            else:
                paths.append(Path(folder, file))
                with downloading(name, file):
                    download_url(url, folder, file, md5)
        yield paths


def from_torchvision(name: str, class_name: str, mirror: Path | None) -> Arrays:
    """The dataset `name` as the class `torchvision.datasets.<class_name>` downloads, checks and reads it.

    The class takes `train=` and `download=`. A packed file that `mirror` has is not downloaded if the class names its
    packed files as `filename` and `tgz_md5` (CIFAR-10) or in `split_list` (USPS).

    Raises:
        UserError: a download fails, the MD5 of a file is not the official one, or the disk is full.
    """
    from torchvision import datasets

    official = getattr(datasets, class_name)
    arrays = {}
    with tempfile.TemporaryDirectory(prefix=f"dd-{name}-") as folder:
        for file, md5 in _packed_files(official).items():
            if mirror and (mirror / file).exists():
                Path(folder, file).symlink_to(checked(mirror / file, md5).resolve())
        for split in ("train", "test"):
            with downloading(name, f"a prepared {name}.npz"), contextlib.redirect_stdout(io.StringIO()):
                dataset = official(folder, train=split == "train", download=True)
            arrays[f"x_{split}"] = np.asarray(dataset.data)
            arrays[f"y_{split}"] = np.asarray(dataset.targets, np.uint8)
    return arrays


def _packed_files(official: Any) -> dict[str, str]:
    """The MD5 of each packed file of a class of torchvision, by its name."""
    if hasattr(official, "tgz_md5"):
        return {official.filename: official.tgz_md5}
    return {file: md5 for _, file, md5 in getattr(official, "split_list", {}).values()}


def checked(path: Path, md5: str) -> Path:
    """Return `path`, a file in a mirror, if its MD5 is the official one.

    Raises:
        UserError: the MD5 is another one, or the file cannot be read.
    """
    from torchvision.datasets.utils import calculate_md5

    try:
        found = calculate_md5(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check that it is a readable file") from error
    if found != md5:
        raise UserError(
            f"{path}: its MD5 is {found}, but the official file's is {md5}; copy the file again, or remove it to have "
            "it downloaded"
        )
    return path


@contextlib.contextmanager
def downloading(name: str, file: str) -> Iterator[None]:
    """Turn a failed download of `name` in this block into a one-line error that also says to put `file` in a mirror.

    Raises:
        UserError: the download failed.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    except (OSError, RuntimeError, EOFError, ValueError, HTTPException) as error:
        raise UserError(
            f"{name}: the download failed ({reason(error)}). Connect to the network and try again, or put {file} into "
            "a folder and name that folder in data.mirror (--mirror)"
        ) from error
    finally:
        socket.setdefaulttimeout(before)
