"""Format of the authors of Dataset Distillation (Wang et al. 2018): images, labels and rate of every GD step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
    from dd.sets.foreign import ForeignFile


def is_wang(file: ForeignFile, _asked: Asked) -> bool:
    """A list of triples."""
    content = file.content
    return (
        file.container == "torch"
        and isinstance(content, list | tuple)
        and len(content) > 0
        and all(isinstance(step, list | tuple) and len(step) == 3 for step in content)
    )


def read_wang(file: ForeignFile, asked: Asked) -> RawSet:
    """The steps of one epoch, and their rates in all epochs; later epochs repeat the images of the first."""
    import torch

    from dd.sets.raw import tensor

    if not is_wang(file, asked):
        raise UserError(f"{file.path}: must be a list of (images, labels, learning rate), one for each step")
    columns = [[tensor(value, file.path) for value in column] for column in zip(*file.content, strict=True)]
    if any(rate.numel() != 1 for rate in columns[2]):
        raise UserError(f"{file.path}: a step must have one learning rate")
    try:
        images, labels = (torch.stack(column) for column in columns[:2])
    except RuntimeError as error:
        raise UserError(f"{file.path}: its steps have images or labels of several shapes") from error
    total = len(images)
    repeats = (n for n in range(1, total + 1) if total % n == 0 and torch.equal(images[n:], images[: total - n]))
    steps = next(n for n in repeats if torch.equal(labels[n:], labels[: total - n]))
    rates = torch.stack([rate.reshape(()) for rate in columns[2]]).float()
    return RawSet(images[:steps], labels[:steps], lrs=rates.view(-1, steps))


def write_wang(distilled: DistilledSet, path: Path) -> None:
    """A triple for each step of each epoch.

    Raises:
        UserError: the set has no rates, or its steps are not plain gradient descent on its images in their order.
    """
    from dd.sets.tensor_files import beyond_plain_steps, hard_labels, write_torch

    distilled.check_rates()
    if other := beyond_plain_steps(distilled):
        raise UserError(f"{path}: the format wang cannot hold {', '.join(other)} of this set; choose another --format")
    labels = hard_labels(distilled).view_as(distilled.labels)
    triples = [
        (images.clone(), of_step.clone(), rate.clone())
        for epoch in distilled.lrs
        for images, of_step, rate in zip(distilled.images, labels, epoch, strict=True)
    ]
    write_torch(path, triples)


FORMAT = SetFormat(
    name="wang",
    order=9,
    description="Wang et al.: results.pth with images, labels and learned rate of each step",
    recognises=is_wang,
    read=read_wang,
    normalisation="field",
    write=write_wang,
)
