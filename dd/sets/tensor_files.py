"""What the formats of tensors share: a pair of files, and how sets are written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dd.runtime.errors import UserError
from dd.runtime.files import atomic
from dd.sets.foreign import ForeignFile, open_foreign
from dd.sets.set_format import Asked

if TYPE_CHECKING:
    from torch import Tensor

    from dd.distill.distilled_set import DistilledSet


def beside(images: Path, what: str) -> Path:
    """The file that goes with `images_best.pt`, such as `labels_best.pt`.

    Raises:
        UserError: the name does not say `images`.
    """
    if "images" not in images.name:
        raise UserError(f"{images}: its name must contain `images`, to name the other file of the pair")
    return images.with_name(images.name.replace("images", what, 1))


def beyond_plain_steps(distilled: DistilledSet) -> list[str]:
    """The settings by which training on a set is more than gradient descent on its steps in their order."""
    plain = {"batch_per_class": 0, "shuffle_steps": False, "optimiser": "gd", "momentum": 0.0, "dsa": "none"}
    return [key for key, value in plain.items() if getattr(distilled.config, key) != value]


def is_pair(file: ForeignFile) -> bool:
    """Whether a file is one tensor, of images."""
    return file.container == "torch" and isinstance(file.content, torch.Tensor) and file.content.ndim == 4


def labels_beside(file: ForeignFile, asked: Asked) -> ForeignFile:
    """The labels of a pair.

    Raises:
        UserError: they are not found, or damaged.
    """
    path = asked.labels
    if path is None:
        path = file.path.with_name(file.path.name.replace("images", "labels", 1))
        if path == file.path or not path.exists():
            raise UserError(f"{file.path}: holds images alone; name the file of their labels by --labels")
    return open_foreign(path)


def rate_beside(file: ForeignFile) -> tuple[float | None, tuple[Path, ...]]:
    """The learned rate of a pair, of `lr_best.pt` or `lr.pt` beside `images_best.pt`, and the file it came from.

    Raises:
        UserError: there is such a file, and it is damaged or no positive number.
    """
    name = file.path.name.replace("images", "lr", 1)
    for path in (file.path.with_name(name), file.path.with_name("lr.pt")):
        if path != file.path and path.exists():
            content = open_foreign(path).content
            try:
                rate = float(content)
            except (TypeError, ValueError, RuntimeError) as error:
                raise UserError(f"{path}: must hold one learning rate") from error
            if not 0 < rate < float("inf"):
                raise UserError(f"{path}: {rate} is no learning rate")
            return rate, (path,)
    return None, ()


def write_torch(path: Path, content: Any) -> None:
    """Write tensors so that `torch.load(path, weights_only=True)` reads them."""
    buffer = io.BytesIO()  # if torch.save wrote to a file itself, a full disk would be a RuntimeError
    torch.save(content, buffer)
    with atomic(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def images_in_one(distilled: DistilledSet) -> Tensor:
    """The images of all steps, `[N, C, H, W]`.

    Raises:
        UserError: the set has other inputs than images.
    """
    if len(shape := distilled.image_shape) != 3:
        raise UserError(f"this format has images [C, H, W], and this set inputs {list(shape)}; export to .npz or .pt")
    return distilled.images.flatten(0, 1).clone()


def hard_labels(distilled: DistilledSet) -> Tensor:
    """The labels of all steps, `[N]`.

    Raises:
        UserError: they are probabilities.
    """
    if distilled.labels.ndim == 3:
        raise UserError("this format has one class an image, and this set learned labels; export to --format datm")
    return distilled.labels.flatten(0, 1).clone()
