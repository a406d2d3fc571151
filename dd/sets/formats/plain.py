"""Plain images and labels in one `.pt` or `.npz`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.sets.foreign import ForeignFile


def is_plain(file: ForeignFile, _asked: Asked) -> bool:
    """Tensors or arrays `images` and `labels`, of which the labels are classes or probabilities."""
    from dd.sets.raw import targets

    return file.container in ("torch", "npz") and file.has("images", "labels") and not targets(file.content["labels"])


def read_plain(file: ForeignFile, _asked: Asked) -> RawSet:
    """The two; an image whose last axis alone has 1 or 3 entries has its channels there."""
    from dd.sets.raw import probabilities, values

    images, labels = values(file, "images", "labels")
    if labels.ndim == 2 and not probabilities(labels):
        raise UserError(f"{file.path}: its labels are neither classes nor probabilities; name their --format (kip)")
    if images.ndim == 3:
        images = images.unsqueeze(1)
    elif images.ndim == 4 and images.shape[-1] in (1, 3) and images.shape[1] not in (1, 3):
        images = images.movedim(-1, 1)
    return RawSet(images, labels, "probabilities" if labels.ndim == 2 else "classes")


FORMAT = SetFormat(
    name="plain",
    order=10,
    description=".pt or .npz with `images` and `labels`: classes, or probabilities of all",
    recognises=is_plain,
    read=read_plain,
    normalisation=None,
)
