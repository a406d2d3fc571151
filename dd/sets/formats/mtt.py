"""Format of MTT and TESLA (Cazenavette et al. 2022, Cui et al. 2023): images and labels in two files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
    from dd.sets.foreign import ForeignFile


def is_mtt(file: ForeignFile, asked: Asked) -> bool:
    """A tensor of images, and beside it one of classes."""
    from dd.sets.tensor_files import is_pair, labels_beside

    return is_pair(file) and getattr(labels_beside(file, asked).content, "ndim", 0) == 1


def read_mtt(file: ForeignFile, asked: Asked) -> RawSet:
    """The pair, and the learned rate if it is beside them."""
    from dd.sets.tensor_files import labels_beside, rate_beside

    labels = labels_beside(file, asked)
    lr, others = rate_beside(file)
    return RawSet(file.content, labels.content, lr=lr, others=(labels.path, *others))


def write_mtt(distilled: DistilledSet, path: Path) -> None:
    """The images to `path`, and the labels beside it."""
    from dd.sets.tensor_files import beside, hard_labels, images_in_one, write_torch

    other, labels = beside(path, "labels"), hard_labels(distilled)
    write_torch(path, images_in_one(distilled))
    write_torch(other, labels)


FORMAT = SetFormat(
    name="mtt",
    order=2,
    description="MTT, TESLA: images_*.pt, with labels_*.pt beside it",
    recognises=is_mtt,
    read=read_mtt,
    normalisation=None,
    options=("labels",),
    write=write_mtt,
)
