"""A prepared dataset: the canonical file, its rules and its metadata.

`<name>.npz` holds `x_train, y_train, x_test, y_test` (images uint8 `[N, H, W]` or `[N, H, W, 3]`, labels uint8), and
`<name>.json` beside it its checksum, counts, mean and standard deviation, class names and where it came from.
"""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dd.runtime.artifacts import sha256
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator

NAMES = ("x_train", "y_train", "x_test", "y_test")

Arrays = dict[str, np.ndarray]
"""The arrays of `NAMES`: images uint8 `[N, S, S]` or `[N, S, S, 3]`, labels uint8 `[N]`."""


@dataclass
class Dataset:
    """A prepared dataset in memory, images uint8 `[N, C, H, W]`, channels last in memory, and labels int64 `[N]`."""

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    mean: Tensor
    """`[C]`, over the training set, on the scale 0 to 1."""
    std: Tensor
    """`[C]`."""
    classes: list[str]
    info: dict
    """The metadata file."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return tuple(self.x_train.shape[1:])

    def split(self, validation: int, seed: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The training set without `validation` images drawn by `seed`, and those images.

        Raises:
            UserError: nothing would be left to train on.
        """
        if validation >= len(self.x_train):
            raise UserError(f"validation_images: {validation} leaves nothing of {len(self.x_train)}; lower it")
        order = torch.randperm(len(self.x_train), generator=generator(seed, "validation"))
        rest, kept = order[validation:], order[:validation]
        return (self.x_train[rest], self.y_train[rest]), (self.x_train[kept], self.y_train[kept])


def read_npz(path: Path) -> Arrays:
    """The four arrays of a prepared `.npz`; nothing in it is executed (no pickles).

    Raises:
        UserError: not there, truncated or not an `.npz`, or an array is missing.
    """
    try:
        if not zipfile.is_zipfile(path) and path.exists():
            raise zipfile.BadZipFile("no zip archive")
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in NAMES if name not in file.files]
            if missing:
                raise UserError(f"{path}: array {missing[0]} is missing; the file must hold {', '.join(NAMES)}")
            return {name: file[name] for name in NAMES}
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise UserError(f"{path}: truncated or not an .npz file ({error}); fetch it again") from error


def load(path: Path) -> Dataset:
    """Read a prepared dataset and verify it against its metadata.

    Raises:
        UserError: a file is missing, damaged, or the two do not belong together.
    """
    sidecar = path.with_suffix(".json")
    cure = "prepare it again with `python -m dd data prepare`"
    try:
        info = json.loads(sidecar.read_text())
        name, digest, classes, mean, std = (info[key] for key in ("name", "sha256", "classes", "mean", "std"))
    except FileNotFoundError as error:
        raise UserError(f"{sidecar}: no such file; {cure}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{sidecar}: not the metadata of a dataset ({error!r}); {cure}") from error
    if path.exists() and sha256(path) != digest:
        raise UserError(f"{path}: does not match the checksum in {sidecar}; {cure}")
    arrays = read_npz(path)
    check(arrays, len(classes), path)
    return Dataset(
        name,
        *(_tensor(arrays[key]) for key in NAMES),
        mean=torch.tensor(mean),
        std=torch.tensor(std),
        classes=classes,
        info=info,
    )


def _tensor(array: np.ndarray) -> Tensor:
    """Labels int64, or images `[N, C, H, W]` whose channels stay last in memory, as they are in the file."""
    tensor = torch.from_numpy(array)
    if array.ndim == 1:
        return tensor.long()
    return (tensor.unsqueeze(3) if array.ndim == 3 else tensor).permute(0, 3, 1, 2)


def check(arrays: Arrays, classes: int, where: Path | str) -> None:
    """Refuse arrays that are not a dataset of that many classes.

    Raises:
        UserError: wrong dtype or shape, labels out of range, an empty class.
    """
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        if x.dtype != np.uint8 or y.dtype != np.uint8:
            raise UserError(f"{where}: {split} arrays are {x.dtype} and {y.dtype}; both must be uint8")
        if not (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)) or x.shape[1] != x.shape[2]:
            raise UserError(f"{where}: x_{split} is {list(x.shape)}; it must be [N, S, S] or [N, S, S, 3]")
        if y.shape != (len(x),):
            raise UserError(f"{where}: y_{split} is {list(y.shape)} for {len(x)} images; it must be [{len(x)}]")
        if x.shape[1:] != arrays["x_train"].shape[1:]:
            raise UserError(f"{where}: test images are {list(x.shape[1:])}, unlike the training images")
        counts = np.bincount(y, minlength=classes)
        if len(counts) > classes:
            raise UserError(f"{where}: y_{split} has label {len(counts) - 1}, but there are {classes} classes")
        if not counts.all():
            raise UserError(f"{where}: class {int(np.argmin(counts))} has no {split} images")
