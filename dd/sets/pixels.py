"""How the images of other programs were normalised: what a file does not say, and what can be checked."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dd.data.prepared import Dataset
from dd.data.whitening import WHITENINGS
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator

FIELD = {
    "mnist": ((0.1307,), (0.3081,)),
    "fashion_mnist": ((0.2861,), (0.3530,)),
    "svhn": ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
}
"""Mean and standard deviation by which the programs of the field normalise, by dataset. Those of CIFAR-10 are not the
standard deviation of its pixels, which is a quarter larger."""
NORMALISATIONS = ("field", "dataset", "pixels", "MEAN/STD", *WHITENINGS)
"""What `--normalisation` may be; the help of `dd import` tells what each means."""
NARROWEST, WIDEST, WIDEST_WHITENED = 0.5, 2.0, 4.0
"""How many times the standard deviation of real images that of distilled ones may be. Sets of DC have 1.0 to 1.6; of
whitened sets one alone was at hand, with 1.0, so their limit is wide."""
FARTHEST = 0.5
"""How far their means may lie apart, in standard deviations of real images; those of DC lie 0.2 apart at most."""
FEW = 2000
"""Real images by which is found how far whitened ones spread."""
OUTSIDE, MARGIN = 0.05, 0.1
"""The share of pixels that may lie farther than a margin outside 0 to 1."""


@dataclass(frozen=True)
class Normalised:
    """Images as networks get them, and how real ones become like them."""

    images: Tensor
    mean: Tensor
    """`[C]`, on the scale 0 to 1."""
    std: Tensor
    """`[C]`."""
    whitening: str | None
    """A name of `WHITENINGS`: what is done to real images after that."""
    warning: str
    """Why the images look as if they were not normalised in this way; empty if they do not."""


def normalised(images: Tensor, name: str, dataset: Dataset) -> Normalised:
    """The images `[steps, n, C, H, W]` of a file as networks get them.

    Args:
        images: as in the file.
        name: how they are normalised there, as `NORMALISATIONS` tells.
        dataset: what they were distilled from.

    Raises:
        UserError: there is no such normalisation, or none for this dataset.
    """
    if name == "pixels":
        mean, std = dataset.mean, dataset.std
        scaled = (images - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
        return Normalised(scaled, mean, std, None, _not_pixels(images))
    if name in WHITENINGS:
        kind = WHITENINGS[name]
        mean, std = statistics(kind.before, dataset)
        rows = torch.randperm(len(dataset.x_train), generator=generator(0, "spread"))[:FEW]
        spread = kind.spread(dataset.x_train[rows], mean, std)
        return Normalised(images, mean, std, name, _unlike(images, 0.0, spread, dataset, widest=WIDEST_WHITENED))
    mean, std = statistics(name, dataset)
    real_mean = ((dataset.mean - mean) / std).mean().item()
    real_std = ((dataset.std / std).square().mean().sqrt()).item()
    return Normalised(images, mean, std, None, _unlike(images, real_mean, real_std, dataset, widest=WIDEST))


def statistics(name: str, dataset: Dataset) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation `[C]` of a normalisation, on the scale 0 to 1.

    Raises:
        UserError: there is no such normalisation, or none for this dataset.
    """
    channels = len(dataset.mean)
    if name == "dataset":
        return dataset.mean, dataset.std
    if name == "none":
        return torch.zeros(channels), torch.ones(channels)
    if name == "field":
        if dataset.name not in FIELD:
            raise UserError(f"--normalisation: the field has no numbers for {dataset.name}; give them as MEAN/STD")
        mean, std = (torch.tensor(numbers) for numbers in FIELD[dataset.name])
        return mean, std
    try:
        parts = [torch.tensor([float(number) for number in part.split(",")]) for part in name.split("/")]
        mean, std = (part.expand(channels).clone() for part in parts)
    except (ValueError, RuntimeError) as error:
        known = ", ".join(NORMALISATIONS)
        numbers = "one number" if channels == 1 else f"1 or {channels} numbers"
        raise UserError(
            f"--normalisation: {name!r} must be one of {known}; of MEAN/STD, both have {numbers}"
        ) from error
    if not (mean.isfinite() & std.isfinite() & (std > 0)).all():
        raise UserError(f"--normalisation: {name!r}: standard deviations must be above 0")
    return mean, std


def _not_pixels(images: Tensor) -> str:
    outside = ((images < -MARGIN) | (images > 1 + MARGIN)).float().mean().item()
    if outside <= OUTSIDE:
        return ""
    return (
        f"{100 * outside:.0f} % of the values lie outside 0 to 1, as if the images were normalised already; if so, say "
        "how by --normalisation"
    )


def _unlike(images: Tensor, real_mean: float, real_std: float, dataset: Dataset, *, widest: float) -> str:
    """What is odd about images if real ones have these statistics; their channels are judged together."""
    own_mean, own_std = images.mean().item(), images.std().item()
    fits = NARROWEST <= own_std / real_std <= widest and abs(own_mean - real_mean) <= FARTHEST * real_std
    lowest, highest = images.min().item(), images.max().item()
    as_pixels = lowest >= 0 and highest <= 1
    if fits and not as_pixels:
        return ""
    cure = "they look like pixels of 0 to 1 (--normalisation pixels)" if as_pixels else "check --normalisation"
    return (
        f"the values have mean {own_mean:.2g} and standard deviation {own_std:.2g}, from {lowest:.2g} to "
        f"{highest:.2g}; real images of {dataset.name} normalised like that have {real_mean:.2g} and {real_std:.2g}: "
        f"{cure}"
    )
