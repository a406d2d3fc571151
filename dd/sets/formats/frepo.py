"""Format of FRePo (Zhou et al. 2022): images whose channels are last, and targets for squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.sets.foreign import ForeignFile


def is_frepo(file: ForeignFile, _asked: Asked) -> bool:
    """Arrays `image` and `label`."""
    return file.container == "npz" and file.has("image", "label")


def read_frepo(file: ForeignFile, _asked: Asked) -> RawSet:
    """The two arrays."""
    from dd.sets.raw import values

    images, labels = values(file, "image", "label")
    return RawSet(images.movedim(-1, 1), labels, "targets")


FORMAT = SetFormat(
    name="frepo",
    order=6,
    description="FRePo: .npz with `image` and `label`, channels last",
    recognises=is_frepo,
    read=read_frepo,
    normalisation="unit-norm-zca",
)
