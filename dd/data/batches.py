"""Real images for training: normalised batches, drawn without replacement and augmented."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from dd.data.augmentation import AUGMENTATIONS
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


def normalise(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Inputs `[n, C, ...]` as 32-bit floats with mean 0 and standard deviation 1 in each channel.

    `mean` and `std` `[C]` are over the training set: of bytes on the scale 0 to 1, of floats on their own. The channels
    of a table are its columns.
    """
    each = (-1, *[1] * (x.ndim - 2))
    shift, scale = mean.view(each).to(x.device), std.view(each).to(x.device)
    # prepared images have their channels last in memory, which not every network accepts
    floats = torch.empty(x.shape, device=x.device).copy_(x)
    if x.dtype == torch.uint8:
        floats.div_(255)
    return floats.sub_(shift).div_(scale)


def rows_of_each_class(y: Tensor, classes: int, count: int, draw: torch.Generator, cure: str) -> Tensor:
    """The rows of `count` images of each class, `[classes, count]`, drawn without replacement from labels `y [N]`.

    Raises:
        UserError: a class has fewer images; `cure` names the setting to lower.
    """
    rows = []
    for label in range(classes):
        own = (y == label).nonzero().squeeze(1)
        if len(own) < count:
            raise UserError(f"class {label} has {len(own)} images to draw from, not {count}; lower {cure}")
        rows.append(own[torch.randperm(len(own), generator=draw)[:count]])
    return torch.stack(rows)


class TrainingImages(NamedTuple):
    """Real images to train on: how they are normalised, and how they are changed at random."""

    x: Tensor
    """uint8 `[N, C, H, W]`, or what else a dataset holds."""
    y: Tensor
    """int64 `[N]`."""
    mean: Tensor
    """`[C]`, on the scale 0 to 1."""
    std: Tensor
    """`[C]`."""
    augmentation: str = "none"
    """A name of `AUGMENTATIONS`."""

    def to(self, device: torch.device | str) -> Self:
        """The same with images and labels on a device."""
        return self._replace(x=self.x.to(device), y=self.y.to(device))

    def prepared(self, rows: Tensor, rng: torch.Generator) -> Tensor:
        """The images in `rows`, augmented by draws of `rng` and normalised: `[n, C, H, W]`."""
        augment = AUGMENTATIONS[self.augmentation].apply
        return normalise(augment(self.x[rows], rng), self.mean, self.std)


class RealBatches:
    """Batches of real images, each image at most once in a pass; batch `i` depends only on the seed and `i`.

    Images stay uint8 on the device, which takes a quarter of the memory, and are augmented and normalised batch by
    batch. Each pass has another order. The last images of a pass, if they do not fill a batch, are left out unless
    `short_batches`.
    """

    def __init__(
        self,
        images: TrainingImages,
        *,
        batch_size: int,
        seed: int,
        rows: Tensor | None = None,
        short_batches: bool = False,
    ) -> None:
        """Batches of all images, or of those in `rows`."""
        self.rows = torch.arange(len(images.x)) if rows is None else rows
        if batch_size > len(self.rows):
            raise UserError(f"real_batch: {batch_size} is more than the {len(self.rows)} training images; lower it")
        self.images = images
        self.batch_size, self.seed = batch_size, seed
        self.per_pass = len(self.rows) // batch_size
        if short_batches and len(self.rows) % batch_size:
            self.per_pass += 1
        self._pass, self._order = -1, torch.empty(0)

    def batch(self, index: int) -> tuple[Tensor, Tensor]:
        """Batch `index` (from 0, without end): images `[b, C, H, W]` and labels `[b]`, b at most `batch_size`."""
        number, position = divmod(index, self.per_pass)
        if number != self._pass:
            order = torch.randperm(len(self.rows), generator=generator(self.seed, "real", number))
            self._pass, self._order = number, self.rows[order].to(self.images.x.device)
        chosen = self._order[position * self.batch_size : (position + 1) * self.batch_size]
        return self.images.prepared(chosen, generator(self.seed, "augment", index)), self.images.y[chosen]
