"""Differentiable augmentation (DSA, Zhao and Bilen 2021): random changes of images that gradients flow through.

Distilled images are changed anew at every GD step. So they teach networks what does not depend on such changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Annotated, NamedTuple

from dd.runtime.settings_model import OneOf

if TYPE_CHECKING:
    from torch import Generator, Tensor

SCALE, DEGREES = 1.2, 15.0
"""Sides become up to 1.2 times as long or as short; images turn by up to 15 degrees (the authors' strengths)."""
CUTOUT = 0.5
"""The side of the square that is cut out, as a share of the image's."""
BRIGHTNESS, SATURATION, CONTRAST = 1.0, 2.0, 0.5
"""The ranges of what is added to values, and of the factors of their distances from gray and from their mean."""


class Draws(NamedTuple):
    """Random numbers, one for each image."""

    images: int
    size: int
    """The side of the images, in pixels."""
    pixels: int
    """How far a crop is from the middle at most."""
    rng: Generator
    """On the CPU."""

    def uniform(self, low: float, high: float) -> Tensor:
        """Numbers `[images]` from `low` to `high`."""
        import torch

        return low + (high - low) * torch.rand(self.images, generator=self.rng)


class Change(NamedTuple):
    """One kind of change, drawn for each image by itself: of places, or of values."""

    description: str
    """One line for the help."""
    places: Callable[[Draws], Tensor] | None = None
    """Returns `[images, 3, 3]`: where in the old image each place of the new one is, in coordinates from -1 to 1."""
    values: Callable[[Tensor, Draws], Tensor] | None = None
    """Takes images `[n, C, S, S]`; returns changed ones."""


@dataclass(frozen=True)
class DifferentiableAugmentation:
    """The changes of a strategy, one after the other."""

    changes: tuple[Change, ...]
    crop: float
    """How far a crop is from the middle at most, as a share of the side."""

    def __call__(self, x: Tensor, rng: Generator) -> Tensor:
        """Changed images.

        Changes of places come first, together as one bilinear resampling. Beyond its border, an image goes on with the
        pixels there, not with the authors' zeros, which are gray. The draws do not depend on the values of `x`.

        Args:
            x: images `[n, C, S, S]`, normalised.
            rng: a generator on the CPU.
        """
        import torch
        import torch.nn.functional as F

        size = x.shape[-1]
        draws = Draws(len(x), size, math.floor(self.crop * size + 0.5), rng)
        places = [change.places(draws) for change in self.changes if change.places]
        if places:
            together = reduce(torch.matmul, places)
            grid = F.affine_grid(together[:, :2].to(x), list(x.shape), align_corners=False)
            x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
        for change in self.changes:
            if change.values:
                x = change.values(x, draws)
        return x


def _matrices(images: int, **entries: Tensor) -> Tensor:
    """Identities `[images, 3, 3]` but for the named entries, such as `m01` for that in row 0 and column 1."""
    import torch

    matrices = torch.eye(3).repeat(images, 1, 1)
    for name, values in entries.items():
        matrices[:, int(name[1]), int(name[2])] = values
    return matrices


def _crop(draws: Draws) -> Tensor:
    import torch

    far = draws.pixels
    down, right = torch.randint(-far, far + 1, (2, draws.images), generator=draws.rng) * (2 / draws.size)
    return _matrices(draws.images, m02=right, m12=down)


def _flip(draws: Draws) -> Tensor:
    return _matrices(draws.images, m00=draws.uniform(-1, 1).sign())


def _scale(draws: Draws) -> Tensor:
    return _matrices(draws.images, m00=draws.uniform(1 / SCALE, SCALE), m11=draws.uniform(1 / SCALE, SCALE))


def _rotate(draws: Draws) -> Tensor:
    angle = draws.uniform(-math.radians(DEGREES), math.radians(DEGREES))
    return _matrices(draws.images, m00=angle.cos(), m01=-angle.sin(), m10=angle.sin(), m11=angle.cos())


def _cutout(x: Tensor, draws: Draws) -> Tensor:
    """A square of zeros, the mean of normalised pixels, whose centre may be anywhere."""
    import torch

    places = torch.arange(draws.size) + 0.5
    rows, columns = (
        (places - draws.uniform(0, draws.size)[:, None]).abs() >= CUTOUT * draws.size / 2 for _ in range(2)
    )
    kept = rows[:, None, :, None] | columns[:, None, None, :]
    return x * kept.to(x)


def _colour(x: Tensor, draws: Draws) -> Tensor:
    """Brightness, then saturation, then contrast."""
    brightness = draws.uniform(-BRIGHTNESS / 2, BRIGHTNESS / 2).view(-1, 1, 1, 1).to(x)
    saturation = draws.uniform(0, SATURATION).view(-1, 1, 1, 1).to(x)
    contrast = draws.uniform(CONTRAST, CONTRAST + 1).view(-1, 1, 1, 1).to(x)
    x = x + brightness
    gray = x.mean(1, keepdim=True)
    x = gray + saturation * (x - gray)
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + contrast * (x - mean)


NONE = "none"
CHANGES = {
    NONE: Change("images as they are"),
    "crop": Change("shifted by whole pixels, at most dsa_crop of the side", places=_crop),
    "flip": Change("half of them mirrored", places=_flip),
    "scale": Change("sides up to 1.2 times as long or as short", places=_scale),
    "rotate": Change("turned by up to 15 degrees", places=_rotate),
    "cutout": Change("a square of half a side set to the mean", values=_cutout),
    "color": Change("other brightness, saturation and contrast", values=_colour),
}
"""Every change by the name that its authors gave it."""
_ANY = "|".join(name for name in CHANGES if name != NONE)
Strategy = Annotated[str, OneOf.of(CHANGES, own="crop_rotate_scale", pattern=rf"^({_ANY})(_({_ANY}))*$")]
"""A name of `CHANGES`, or several joined by `_`, as their authors write them."""


def augmentation_of(strategy: str, crop: float) -> DifferentiableAugmentation | None:
    """The augmentation of a `Strategy`; None if that changes nothing."""
    if strategy == NONE:
        return None
    return DifferentiableAugmentation(tuple(CHANGES[name] for name in strategy.split("_")), crop)
