"""Random changes of real images whenever they are trained on, as in the authors' loaders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple

from dd.runtime.settings_model import OneOf

if TYPE_CHECKING:
    from torch import Generator, Tensor


class NamedAugmentation(NamedTuple):
    """A random change of images."""

    description: str
    """One line for the help."""
    apply: Callable[[Tensor, Generator], Tensor]
    """Takes images `[n, C, S, S]` and a CPU generator; returns as many of the same shape and type."""


def unchanged(x: Tensor, _rng: Generator) -> Tensor:
    """The images themselves."""
    return x


def crop_flip(x: Tensor, rng: Generator) -> Tensor:
    """A crop of each image, padded by S / 8 pixels of reflection (4 of 32), and half of the crops mirrored."""
    import torch

    size = x.shape[-1]
    pad = size // 8
    pixels = torch.arange(size)
    top, left = torch.randint(-pad, pad + 1, (2, len(x), 1), generator=rng)
    mirrored = torch.rand(len(x), 1, generator=rng) < 0.5
    rows = _reflected(top + pixels, size).to(x.device)
    columns = _reflected(left + torch.where(mirrored, pixels.flip(0), pixels), size).to(x.device)
    images = torch.arange(len(x), device=x.device)
    last = x.permute(0, 2, 3, 1)  # channels last, as they are in memory
    return last[images[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _reflected(places: Tensor, size: int) -> Tensor:
    """Places of pixels, where those outside 0 to `size` - 1 are reflected at the first or last pixel."""
    return (size - 1) - ((size - 1) - places.abs()).abs()


def resized_crop_flip(x: Tensor, rng: Generator) -> Tensor:
    """A crop of 8 to 100 % of each image with sides of at most 4 to 3, scaled to S x S; half of them are mirrored."""
    import torch
    from torchvision.transforms import v2

    from dd.runtime.seeds import seeded

    change = v2.Compose([v2.RandomResizedCrop(x.shape[-1], antialias=True), v2.RandomHorizontalFlip()])
    with seeded(int(torch.randint(2**32, (), generator=rng))):  # torchvision draws from the global generator
        return torch.stack([change(image) for image in x])


AUGMENTATIONS = {
    "none": NamedAugmentation("images as they are", unchanged),
    "crop_flip": NamedAugmentation(
        "random crops after padding by reflection, and flips (the authors' for CIFAR-10)", crop_flip
    ),
    "resized_crop_flip": NamedAugmentation(
        "random resized crops and flips (the authors' for photos)", resized_crop_flip
    ),
}
"""Every augmentation by its name."""
AugmentationName = Annotated[str, OneOf.of(AUGMENTATIONS)]
