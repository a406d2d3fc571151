"""Datasets made in Python: of tensors, of arrays, or of a `torch.utils.data.Dataset`."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from dd.data.class_names import check_count, check_names
from dd.data.prepared import Dataset, load
from dd.data.statistics import of_bytes, of_floats
from dd.runtime.errors import UserError, reason
from dd.runtime.files import digest_of
from dd.runtime.settings_model import shortened

NAME = "data"
"""What messages and metadata call a dataset that was given in Python."""
GIVEN = "given in Python"
"""Its source."""


def dataset_of(data: Any, labels: Any = None, *, classes: Sequence[str] | None = None) -> Dataset:
    """A dataset to train on.

    Args:
        data: inputs `[N, ...]` of any shape, uint8 or floats; or pairs of an input and a label, as a
            `torch.utils.data.Dataset` has them; or a prepared dataset, or its path.
        labels: `[N]`, from 0; only with inputs.
        classes: their names.

    Raises:
        UserError: it is none of these, or the inputs and labels do not fit each other.
    """
    if isinstance(data, (str, Path, Dataset)):
        if labels is not None or classes is not None:
            raise UserError("labels, classes: a prepared dataset has its own; leave them out")
        return data if isinstance(data, Dataset) else load(data)
    x, y = tensors_of(data, labels)
    if classes is None:
        classes = _own_names(data, y) or [str(label) for label in range(int(y.max()) + 1)]
    check_names(classes, NAME)
    check_count(len(classes), NAME)
    counts = torch.bincount(y, minlength=len(classes))
    if len(counts) > len(classes):
        raise UserError(f"{NAME}: has label {len(counts) - 1}, but there are {len(classes)} classes")
    if not counts.all():
        raise UserError(f"{NAME}: class {int(counts.argmin())} has no inputs; number classes from 0, without gaps")
    return in_memory(x, y, classes)


def in_memory(x: Tensor, y: Tensor, classes: Sequence[str]) -> Dataset:
    """A dataset of training inputs `x [N, ...]` with labels `y [N]`, and of no test inputs."""
    mean, std = of_floats(x) if x.is_floating_point() else of_bytes(x.movedim(1, -1).numpy())
    info = {
        "name": NAME,
        "sha256": digest_of({"x": x, "y": y}),
        "source": GIVEN,
        "fidelity": "as it was given",
    }
    return Dataset(
        name=NAME,
        x_train=x,
        y_train=y,
        x_test=x[:0],
        y_test=y[:0],
        mean=torch.tensor(mean),
        std=torch.tensor(std),
        classes=list(classes),
        info=info,
    )


def tensors_of(data: Any, labels: Any = None) -> tuple[Tensor, Tensor]:
    """Inputs, uint8 or 32-bit floats `[N, ...]`, and labels, int64 `[N]`, on the CPU; see `dataset_of`.

    Raises:
        UserError: they are neither, or do not fit each other.
    """
    if labels is None:
        data, labels = _pairs(data)
    elif isinstance(data, TorchDataset):
        raise UserError("labels: a Dataset of pairs has its own; leave them out, and name a network as net=")
    x, y = _tensor("inputs", data), _tensor("labels", labels)
    if x.ndim < 2 or not x.numel():
        raise UserError(f"{NAME}: inputs are {list(x.shape)}; they must be [N, ...], with at least one axis after N")
    if x.is_floating_point():
        x = x.float()
        if not x.isfinite().all():
            raise UserError(f"{NAME}: some inputs are not finite; leave those out or fill them in")
    elif x.dtype != torch.uint8:
        raise UserError(f"{NAME}: inputs are {x.dtype}; they must be uint8, or floats (.float())")
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool or y.shape != (len(x),):
        raise UserError(f"{NAME}: labels are {y.dtype} {list(y.shape)}; they must be whole numbers [{len(x)}]")
    y = y.long()
    if y.min() < 0:
        raise UserError(f"{NAME}: has label {int(y.min())}; classes are numbered from 0")
    return x.contiguous(), y


def _tensor(what: str, values: Any) -> Tensor:
    """Tensors, arrays, tables of pandas or lists as a dense tensor on the CPU."""
    try:
        if what == "inputs" and type(values).__module__.partition(".")[0] == "pandas":
            values = values.to_numpy("float32", na_value=np.nan)
        tensor = values if isinstance(values, Tensor) else torch.as_tensor(_as_pytorch_takes_it(np.asarray(values)))
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{NAME}: {what} are no tensor of numbers ({reason(error)[:100]}); make them one") from None
    if tensor.is_nested or tensor.is_meta or tensor.layout != torch.strided:
        kind = "nested" if tensor.is_nested else f"{tensor.layout} on {tensor.device}"
        raise UserError(f"{NAME}: {what} are {kind}; give a dense tensor with values")
    return tensor.detach().cpu()


def _as_pytorch_takes_it(array: np.ndarray) -> np.ndarray:
    """An array in this machine's byte order, with strides above 0, that may be written to."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return np.require(native, requirements=["C_CONTIGUOUS", "WRITEABLE"])


def _pairs(data: Any) -> tuple[Tensor, list[int]]:
    """The inputs and labels of pairs; pictures with their channels first."""
    pandas_table = hasattr(data, "to_numpy")
    listed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if not listed or pandas_table or isinstance(data, (Tensor, np.ndarray, Mapping, str)):
        raise UserError(
            f"labels: are missing; give them after the inputs, or a Dataset of pairs with a length, not {type(data)}"
        )
    inputs, labels = [], []
    for number in range(len(data)):
        pair = data[number]
        if isinstance(pair, (Mapping, str)) or not isinstance(pair, Iterable) or len(pair := tuple(pair)) != 2:
            raise UserError(f"{NAME}: item {number} is no pair of an input and a label")
        inputs.append(_input(pair[0], number))
        labels.append(_label(pair[1], number))
        if inputs[-1].shape != inputs[0].shape:
            raise UserError(
                f"{NAME}: input {number} is {list(inputs[-1].shape)}, but the first is {list(inputs[0].shape)}"
            )
    if not inputs:
        raise UserError(f"{NAME}: holds nothing")
    try:
        return torch.stack(inputs), labels
    except RuntimeError as error:  # of several kinds or devices
        raise UserError(f"{NAME}: its inputs make no tensor ({reason(error)[:100]})") from None


def _label(value: Any, number: int) -> int:
    try:
        return operator.index(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError):
        raise UserError(f"{NAME}: label {number} is {shortened(value)}; it must be a whole number") from None


def _input(value: Any, number: int) -> Tensor:
    if isinstance(value, Tensor):
        return value
    try:
        array = torch.from_numpy(_as_pytorch_takes_it(np.array(value)))
    except (TypeError, ValueError):
        raise UserError(
            f"{NAME}: input {number} is a {type(value).__name__}; it must be a tensor or a picture"
        ) from None
    if isinstance(value, np.ndarray):
        return array
    return array.unsqueeze(0) if array.ndim == 2 else array.movedim(-1, 0)  # a picture of Pillow


def _own_names(data: Any, y: Tensor) -> list[str]:
    """The class names that a `Dataset` of torchvision has; none if they are not the labels'."""
    names = getattr(data, "classes", None)
    if not isinstance(names, (list, tuple)) or len(names) != int(y.max()) + 1:
        return []
    return list(names) if all(isinstance(name, str) for name in names) else []
