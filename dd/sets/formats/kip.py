"""Format of KIP (Nguyen et al. 2021): images whose channels are last, and targets for squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.sets.foreign import ForeignFile


def is_kip(file: ForeignFile, _asked: Asked) -> bool:
    """Arrays `images` and `labels`, of which the labels are targets."""
    from dd.sets.raw import targets

    return file.container == "npz" and file.has("images", "labels") and targets(file.content["labels"])


def read_kip(file: ForeignFile, _asked: Asked) -> RawSet:
    """The two arrays."""
    from dd.sets.raw import values

    images, labels = values(file, "images", "labels")
    return RawSet(images.movedim(-1, 1), labels, "targets")


FORMAT = SetFormat(
    name="kip",
    order=5,
    description="KIP: .npz with `images` and `labels`, channels last",
    recognises=is_kip,
    read=read_kip,
    normalisation="unit-norm-zca",
)
