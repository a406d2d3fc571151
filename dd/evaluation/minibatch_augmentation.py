"""How the field changes distilled images at random while networks are trained on them: the ways of DC and of DSA."""

from collections.abc import Callable

import torch
from scipy.ndimage import rotate
from torch import Generator, Tensor

from dd.distill.differentiable_augmentation import augmentation_of

Augmentation = Callable[[Tensor, Generator], Tensor]
"""Takes images `[n, C, S, S]` and a generator on the CPU; returns changed ones."""

CROP = 4
"""Pixels of a border, in which DC moves an image by -4 to 3 pixels."""
SCALE = 0.2
"""By which share of themselves DC changes the sides at most."""
DEGREES = 45
"""How far DC turns an image at most, by whole degrees."""
DSA_STRATEGY = "color_crop_cutout_flip_scale_rotate"
DSA_CROP = 0.125
"""How far DSA moves an image at most, as a share of its side."""


def dc_augmentation(x: Tensor, rng: Generator) -> Tensor:
    """Each image cropped, scaled or turned, one of the three at random, as in DC's code for MNIST.

    What comes into the image from outside is the mean of the minibatch's pixels, except with a smaller scale: there it
    is 0, as in that code.

    Args:
        x: images `[n, C, S, S]`, normalised.
        rng: a generator on the CPU.
    """
    changed = x.clone()
    which = torch.randint(3, (len(x),), generator=rng)
    gray = x.mean((0, 2, 3))
    for kind, change in enumerate((_crop, _scale, _rotate)):
        chosen = (which == kind).nonzero().squeeze(1).to(x.device)
        if len(chosen):
            changed[chosen] = change(x[chosen], gray, rng)
    return changed


def _crop(x: Tensor, gray: Tensor, rng: Generator) -> Tensor:
    rows, columns = torch.arange(x.shape[-1]) + torch.randint(2 * CROP, (2, len(x), 1), generator=rng) - CROP
    return _taken(x, rows, columns, gray)


def _scale(x: Tensor, gray: Tensor, rng: Generator) -> Tensor:
    """Images with other sides, of the nearest pixels, in the middle of what was there."""
    size = x.shape[-1]
    sides = ((1 - SCALE + 2 * SCALE * torch.rand(2, len(x), 1, generator=rng)) * size).int()
    frame = sides.amax(0).clamp(min=size)  # DC puts both sides into a square
    places = torch.arange(size) + (frame - size) // 2 - (frame - sides) // 2
    inside = (places >= 0) & (places < sides)
    rows, columns = torch.where(inside, places * size // sides, -1)
    return _taken(x, rows, columns, torch.zeros_like(gray))


def _rotate(x: Tensor, gray: Tensor, rng: Generator) -> Tensor:
    """Images turned by splines of order 3 on the CPU, of which the middle is kept."""
    size = x.shape[-1]
    degrees = torch.randint(-DEGREES, DEGREES, (len(x),), generator=rng)
    turned = []
    for image, angle in zip(x.cpu().numpy(), degrees.tolist(), strict=True):
        larger = rotate(image, angle, axes=(-2, -1), cval=gray.mean().item())
        top, left = ((side - size) // 2 for side in larger.shape[-2:])
        turned.append(torch.from_numpy(larger[:, top : top + size, left : left + size]))
    return torch.stack(turned).to(x)


def _taken(x: Tensor, rows: Tensor, columns: Tensor, outside: Tensor) -> Tensor:
    """The pixels of each image in its `rows` and `columns [n, S]`, and `outside [C]` where these are not in it."""
    size = x.shape[-1]
    rows, columns = rows.to(x.device), columns.to(x.device)
    inside = ((rows >= 0) & (rows < size)).unsqueeze(2) & ((columns >= 0) & (columns < size)).unsqueeze(1)
    images = torch.arange(len(x), device=x.device).view(-1, 1, 1)
    taken = x[images, :, rows.clamp(0, size - 1).unsqueeze(2), columns.clamp(0, size - 1).unsqueeze(1)]
    return torch.where(inside.unsqueeze(1), taken.permute(0, 3, 1, 2), outside.view(-1, 1, 1))


def dsa_augmentation(*, flip: bool) -> Augmentation:
    """DSA's: one of its changes for a whole minibatch, drawn anew for each of the images.

    Args:
        flip: whether images may be mirrored.
    """
    strategy = DSA_STRATEGY if flip else DSA_STRATEGY.replace("flip_", "")
    changes = [augmentation_of(name, DSA_CROP) for name in strategy.split("_")]

    def augment(x: Tensor, rng: Generator) -> Tensor:
        change = changes[int(torch.randint(len(changes), (), generator=rng))]
        return change(x, rng) if change else x

    return augment
