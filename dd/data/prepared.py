"""A prepared dataset: the canonical file, its rules and its metadata.

`<name>.npz` holds `x_train, y_train, x_test, y_test` (images uint8 `[N, H, W]` or `[N, H, W, 3]`, labels uint8).
`<name>.json` beside it holds its checksum, counts, mean and standard deviation, class names and source.
"""

import json
import shutil
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dd.data.augmentation import AUGMENTATIONS
from dd.data.batches import TrainingImages
from dd.data.class_names import check_count, check_names
from dd.data.statistics import of_bytes
from dd.runtime.errors import UserError
from dd.runtime.files import atomic, sha256, write_text
from dd.runtime.seeds import generator

FLOATS = "floats"
"""What a set's metadata say under `values` if it was distilled from floats and not from bytes."""
OWN_NORMALISATION = "own"
"""What the metadata say under `normalisation` if these images are never normalised by what a file of weights tells."""
NAMES = ("x_train", "y_train", "x_test", "y_test")

Arrays = dict[str, np.ndarray]
"""The arrays of `NAMES`: images uint8 `[N, S, S]` or `[N, S, S, 3]`, labels uint8 `[N]`."""


@dataclass
class Dataset:
    """A prepared dataset: images uint8 `[N, C, H, W]`, whose channels are last in memory, and labels int64 `[N]`.

    One that is made of tensors (`dd.data.tensors`) may hold inputs of any shape `[N, ...]`, bytes or 32-bit floats.
    """

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    mean: Tensor
    """`[C]`, over the training set: of bytes on the scale 0 to 1, of floats on their own."""
    std: Tensor
    """`[C]`, like `mean`."""
    classes: list[str]
    info: dict[str, Any]
    """The content of the metadata file."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one image, (C, H, W), or of what else it holds."""
        return tuple(self.x_train.shape[1:])

    @property
    def augmentation(self) -> str:
        """How training images are changed at random: a name of `dd.data.augmentation.AUGMENTATIONS`."""
        return self.info.get("augmentation", "none")

    @property
    def origin(self) -> dict[str, Any]:
        """What others need to know about these images: name, checksum, source, fidelity, augmentation.

        Also `values`, if they are floats.
        """
        told = {key: self.info[key] for key in ("name", "sha256", "source", "fidelity")}
        values = {"values": FLOATS} if self.x_train.is_floating_point() else {}
        return told | {"augmentation": self.augmentation} | values

    def training_images(self) -> TrainingImages:
        """The training images with the dataset's own normalisation and augmentation."""
        return TrainingImages(self.x_train, self.y_train, self.mean, self.std, self.augmentation)

    def split(self, validation: int, seed: int, *, withhold: bool = True) -> tuple[Tensor, Tensor]:
        """Draw `validation` training images by `seed`, on which to watch progress.

        Returns:
            The rows of `x_train` to train on, which are all or, to `withhold` the drawn ones, the others; and the rows
            that were drawn.

        Raises:
            UserError: no training image of some class would be left.
        """
        if validation >= len(self.x_train):
            raise UserError(f"validation_images: {validation} leaves nothing of {len(self.x_train)}; lower it")
        order = torch.randperm(len(self.x_train), generator=generator(seed, "validation"))
        drawn = order[:validation]
        if not withhold:
            return torch.arange(len(order)), drawn
        left = order[validation:]
        lost = set(range(len(self.classes))).difference(self.y_train[left].tolist())
        if lost:
            raise UserError(
                f"validation_images: {validation} leaves no training image of class {self.classes[min(lost)]}; lower "
                "it, change the seed or add images"
            )
        return left, drawn


def read_npz(path: Path) -> Arrays:
    """The four arrays of a prepared `.npz`; nothing in it is executed (no pickles).

    Raises:
        UserError: the file is missing, truncated or not an `.npz`, or an array is missing.
    """
    return read_arrays(path, NAMES)


def read_arrays(path: Path, names: Sequence[str] = ()) -> Arrays:
    """The arrays `names` of an `.npz`, or all; nothing in it is executed (no pickles).

    Raises:
        UserError: the file is missing, truncated or not an `.npz`, or an array is missing.
    """
    try:
        if not zipfile.is_zipfile(path) and path.exists():
            raise zipfile.BadZipFile("no zip archive")
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in names if name not in file.files]
            if missing:
                raise UserError(f"{path}: array {missing[0]} is missing; the file must hold {', '.join(names)}")
            arrays = {name: file[name] for name in names or file.files}
            # numpy returns the bytes of a member that is no array
            if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                raise ValueError("a member that is no array")
            return arrays
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    # a damaged header may say that the file is encrypted (RuntimeError) or packed in a way that Python does not know
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path}: truncated or not an .npz file ({error}); fetch it again") from error


def read(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the metadata of a prepared dataset, checked against each other.

    Raises:
        UserError: a file is missing or damaged, or the two files do not belong together.
    """
    sidecar = path.with_suffix(".json")
    cure = "prepare it again with `python -m dd data prepare`"
    try:
        info = json.loads(sidecar.read_text(encoding="utf-8"))
        digest = info["sha256"]
        classes = info["classes"]
        missing = [key for key in ("name", "source", "fidelity") if key not in info]
        if missing:
            raise KeyError(missing[0])
        if info.get("augmentation", "none") not in AUGMENTATIONS:
            raise ValueError(f"augmentation {info['augmentation']}")
        if not np.isfinite(info["mean"]).all() or not (np.isfinite(info["std"]) & np.greater(info["std"], 0)).all():
            raise ValueError(f"mean {info['mean']}, std {info['std']}")
    except FileNotFoundError as error:
        raise UserError(f"{sidecar if path.exists() else path}: no such file; {cure}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{sidecar}: not the metadata of a dataset ({error!r}); {cure}") from error
    if path.exists() and sha256(path) != digest:
        raise UserError(f"{path}: does not match the checksum in {sidecar}; {cure}")
    arrays = read_npz(path)
    check(arrays, len(classes), path)
    return arrays, info


def load(path: Path | str) -> Dataset:
    """A prepared dataset as tensors; raises what `read` raises."""
    arrays, info = read(Path(path))
    return Dataset(
        name=info["name"],
        x_train=_tensor(arrays["x_train"]),
        y_train=_tensor(arrays["y_train"]),
        x_test=_tensor(arrays["x_test"]),
        y_test=_tensor(arrays["y_test"]),
        mean=torch.tensor(info["mean"]),
        std=torch.tensor(info["std"]),
        classes=info["classes"],
        info=info,
    )


def npz_path(out: Path | str) -> Path:
    """`out` as the path of a dataset.

    Raises:
        UserError: it does not end in `.npz`.
    """
    out = Path(out)
    if out.suffix != ".npz":
        raise UserError(f"{out}: the file to write must end in .npz")
    return out


def save(
    out: Path | str,
    name: str,
    arrays: Arrays,
    classes: Sequence[str],
    *,
    source: str,
    fidelity: str,
    ready: Path | None = None,
    **more: str,
) -> dict[str, Any]:
    """Write a dataset to `out`, an `.npz`, and its metadata to the `.json` beside it; return the metadata.

    `source` says where the images come from, `fidelity` how near they are to the official ones. Both go into the
    metadata, and so do the entries of `more`. `ready` is a file that already holds these arrays; it is copied as it is.

    Raises:
        UserError: the arrays fail `check`, the names of the classes `check_names`, one of the other texts is no text,
            or `out` does not end in `.npz` or cannot be written. `out` is then unchanged.
    """
    out = npz_path(out)
    for key, text in {"name": name, "source": source, "fidelity": fidelity, **more}.items():
        if not isinstance(text, str):
            raise UserError(f"{out}: {key} is {text!r}; it must be a text")
    check_names(classes, name)
    check_count(len(classes), name)
    check(arrays, len(classes), ready or name)
    with atomic(out) as temporary:
        if ready:
            shutil.copyfile(ready, temporary)
        else:
            np.savez_compressed(
                temporary,
                x_train=arrays["x_train"],
                y_train=arrays["y_train"],
                x_test=arrays["x_test"],
                y_test=arrays["y_test"],
            )
    mean, std = of_bytes(arrays["x_train"][..., np.newaxis] if arrays["x_train"].ndim == 3 else arrays["x_train"])
    info = {
        "name": name,
        "train": len(arrays["x_train"]),
        "test": len(arrays["x_test"]),
        "image": list(arrays["x_train"].shape[1:]),
        "classes": list(classes),
        "mean": mean,
        "std": std,
        "source": source,
        "fidelity": fidelity,
        **more,
        "sha256": sha256(out),
    }
    write_text(out.with_suffix(".json"), json.dumps(info, indent=2) + "\n")
    return info


def _tensor(array: np.ndarray) -> Tensor:
    """Labels as int64, or images `[N, C, H, W]` whose channels stay last in memory, as they are in the file."""
    tensor = torch.from_numpy(array)
    if array.ndim == 1:
        return tensor.long()
    if array.ndim == 3:
        tensor = tensor.unsqueeze(3)
    return tensor.permute(0, 3, 1, 2)


def check(arrays: Arrays, classes: int, where: Path | str) -> None:
    """Refuse arrays that are not a dataset of that many classes. Error messages begin with `where`.

    Raises:
        UserError: wrong dtype or shape, labels out of range, an empty class.
    """
    for name in NAMES:
        if not isinstance(arrays, Mapping) or not isinstance(arrays.get(name), np.ndarray):
            raise UserError(f"{where}: {name} must be there as a NumPy array; use np.asarray, or .numpy() of tensors")
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        if x.dtype != np.uint8 or y.dtype != np.uint8:
            raise UserError(f"{where}: {split} arrays are {x.dtype} and {y.dtype}; both must be uint8")
        if not (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)) or x.shape[1] != x.shape[2] or not x.shape[1]:
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
