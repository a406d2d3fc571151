"""Tensors of other programs, checked: images and labels that are what they should be, for the dataset named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dd.data.prepared import Dataset
from dd.runtime.errors import UserError
from dd.sets.foreign import ForeignFile
from dd.sets.set_format import RawSet

NUMBERS = {
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
}
"""The types of tensors that images, labels and rates may have."""


def tensor(value: Any, path: Path) -> Tensor:
    """A value of a file as a tensor.

    Raises:
        UserError: it is no array of numbers.
    """
    if isinstance(value, Tensor) and value.layout == torch.strided and value.dtype in NUMBERS:
        return value.detach()
    if isinstance(value, np.ndarray | int | float) and np.asarray(value).dtype.kind in "fiu":
        # numbers in the byte order of this machine, in memory of their own
        return torch.from_numpy(np.array(value, dtype=np.asarray(value).dtype.newbyteorder("=")))
    kind = getattr(value, "dtype", type(value).__name__)
    if isinstance(value, Tensor) and value.layout != torch.strided:
        kind = "a sparse tensor"
    raise UserError(f"{path}: holds {kind} where images, labels or rates should be numbers")


def values(file: ForeignFile, *names: str) -> list[Tensor]:
    """The tensors of these names.

    Raises:
        UserError: one is missing, or no array of numbers.
    """
    if not file.has(*names):
        raise UserError(f"{file.path}: must hold {' and '.join(f'`{name}`' for name in names)}; see --format")
    return [tensor(file.content[name], file.path) for name in names]


def probabilities(labels: Tensor) -> bool:
    """Whether each row of `[N, classes]` is of probabilities."""
    return bool((labels >= 0).all()) and torch.allclose(labels.double().sum(-1), torch.ones(()).double(), atol=1e-3)


def targets(labels: Any) -> bool:
    """Whether labels are rows of numbers, but not of probabilities."""
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "fiu":
        labels = torch.from_numpy(labels.astype(np.float64))
    return isinstance(labels, Tensor) and labels.ndim == 2 and not probabilities(labels)


def nearest_probabilities(real: Tensor) -> Tensor:
    """For each row of `[..., classes]`, the probabilities that are nearest in squared error.

    This is the projection on the simplex. It does not change if a number is added to a row, so it does not matter
    whether targets were centred; of a centred 1-of-n code it is the code itself.
    """
    falling = real.sort(-1, descending=True).values
    ranks = torch.arange(1, real.shape[-1] + 1, device=real.device)
    surplus = (falling.cumsum(-1) - 1) / ranks
    kept = (falling > surplus).sum(-1, keepdim=True)  # the largest entries stay above 0, the others become 0
    return (real - surplus.gather(-1, kept - 1)).clamp(min=0)


def checked_images(raw: RawSet, dataset: Dataset, path: Path) -> Tensor:
    """The images `[steps, n, C, H, W]` as floats, and from 0 to 1 if they are bytes.

    Raises:
        UserError: they have another shape than those of `dataset`, or values that are no finite numbers.
    """
    images = tensor(raw.images, path)
    if not images.numel():
        raise UserError(f"{path}: has no images ({list(images.shape)})")
    if images.ndim not in (4, 5):
        raise UserError(f"{path}: images are {list(images.shape)}; they must be [N, C, H, W]")
    if tuple(images.shape[-3:]) != dataset.image_shape:
        raise UserError(
            f"{path}: has images {list(images.shape[-3:])}, but {dataset.name} {list(dataset.image_shape)}; is it a "
            "set of another dataset (--data)?"
        )
    if images.ndim == 4:
        images = images.unsqueeze(0)
    scale = 255 if images.dtype == torch.uint8 else 1
    images = images.to(torch.float32, memory_format=torch.contiguous_format) / scale
    if not images.isfinite().all():
        raise UserError(f"{path}: an image has values that are not finite; the file is damaged")
    return images


def checked_labels(raw: RawSet, images: Tensor, dataset: Dataset, path: Path) -> Tensor:
    """The labels `[steps, n]` as int64, or `[steps, n, classes]` as probabilities.

    Raises:
        UserError: they are not one for each of `images [steps, n, ...]`, or not those of the classes of `dataset`.
    """
    labels, count = tensor(raw.labels, path), len(dataset.classes)
    if labels.ndim == (1 if raw.labels_are == "classes" else 2):
        labels = labels.unsqueeze(0)
    if labels.shape[:2] != images.shape[:2] or labels.ndim != (2 if raw.labels_are == "classes" else 3):
        wanted = [*images.shape[:2]] if len(images) > 1 else [images.shape[1]]
        wanted += [] if raw.labels_are == "classes" else [count]
        given = list(tensor(raw.labels, path).shape)
        raise UserError(f"{path}: labels are {given}; for these images, they must be {wanted}")
    if raw.labels_are == "classes":
        return _classes(labels, raw, dataset, path)
    if labels.shape[2] != count:
        raise UserError(f"{path}: labels are of {labels.shape[2]} classes, but {dataset.name} has {count} (--data)")
    labels = labels.float()
    if not labels.isfinite().all():
        raise UserError(f"{path}: a label has values that are not finite; the file is damaged")
    if raw.labels_are == "logits":
        return labels.softmax(-1)
    return nearest_probabilities(labels) if raw.labels_are == "targets" else labels


def _classes(labels: Tensor, raw: RawSet, dataset: Dataset, path: Path) -> Tensor:
    """Labels as int64, by the numbers that `dataset` gives its classes."""
    if not torch.equal(labels, labels.floor()):
        raise UserError(f"{path}: labels must be whole numbers, one class an image")
    labels, names = labels.long(), dataset.classes
    if raw.class_names is not None:
        if sorted(raw.class_names) != sorted(names):
            raise UserError(f"{path}: has the classes {raw.class_names}, but {dataset.name} has {names} (--data)")
        labels = torch.tensor([names.index(name) for name in raw.class_names])[labels]
    outside = labels[(labels < 0) | (labels >= len(names))]
    if len(outside):
        raise UserError(
            f"{path}: label {int(outside[0])} is out of range; the classes of {dataset.name} (--data) are 0 to "
            f"{len(names) - 1}"
        )
    missing = sorted(set(range(len(names))).difference(labels.flatten().tolist()))
    if missing:
        raise UserError(
            f"{path}: no image of class {missing[0]} ({names[missing[0]]}) of {dataset.name}; is it a set for other "
            "classes (--data)?"
        )
    return labels
