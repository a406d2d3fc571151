"""Format of IDC and DREAM (Kim et al. 2022, Liu et al. 2023): pixels of 0 to 1, several images packed in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from torch import Tensor

    from dd.sets.foreign import ForeignFile

PADDING = 0.5
"""The gray that fills an image whose side the factor does not divide."""


def is_idc(file: ForeignFile, _asked: Asked) -> bool:
    """A list of two tensors."""
    import torch

    content = file.content
    return (
        file.container == "torch"
        and isinstance(content, list | tuple)
        and len(content) == 2
        and all(isinstance(each, torch.Tensor) for each in content)
    )


def read_idc(file: ForeignFile, asked: Asked) -> RawSet:
    """All images that are packed in those of the file."""
    from dd.sets.raw import tensor

    if not is_idc(file, asked):
        raise UserError(f"{file.path}: must be a list of two tensors, images and labels")
    if asked.factor is None:
        raise UserError(
            f"{file.path}: does not say how many images a side are packed in each; say it by --factor (the programs' "
            "own default is 2; 1 if none are packed)"
        )
    images, labels = (tensor(each, file.path) for each in file.content)
    if images.ndim != 4 or images.shape[2] != images.shape[3] or asked.factor > images.shape[3]:
        raise UserError(f"{file.path}: images {list(images.shape)} cannot hold {asked.factor} a side")
    told = f"{asked.factor**2} images unpacked from each" if asked.factor > 1 else ""
    return RawSet(unpacked(images.float(), asked.factor), labels.repeat(asked.factor**2), told=told)


def unpacked(images: Tensor, factor: int) -> Tensor:
    """The `factor` x `factor` parts of each image, scaled bilinearly to its size: all first parts, then all second."""
    import torch
    from torch.nn import functional

    size = images.shape[-1]
    if factor == 1:
        return images
    rest = -size % factor
    padded = functional.pad(images, (0, rest, 0, rest), value=PADDING)
    part = (size + rest) // factor
    corners = [(row * part, column * part) for row in range(factor) for column in range(factor)]
    parts = torch.cat([padded[..., top : top + part, left : left + part] for top, left in corners])
    return functional.interpolate(parts, size=(size, size), mode="bilinear")


FORMAT = SetFormat(
    name="idc",
    order=4,
    description="IDC, DREAM: data.pt, several images packed in one (--factor)",
    recognises=is_idc,
    read=read_idc,
    normalisation="pixels",
    options=("factor",),
)
