"""Real images from which sets in the shape of a distilled set are made (Section 4, "Baselines"; S-1)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2

from dd.data.batches import normalise
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


@dataclass
class RealImages:
    """The images that the sets of a baseline are made from."""

    x: Tensor
    """uint8 `[N, C, H, W]`."""
    y: Tensor
    """int64 `[N]`."""
    mean: Tensor
    """`[C]`, of the training set on the scale 0 to 1."""
    std: Tensor
    """`[C]`."""
    classes: int
    steps: int
    """GD steps in an epoch."""
    per_step: int
    """Images of a class in each GD step."""
    seed: int
    augment: bool = False
    """Random crops of the images padded by reflection, and flips, as in the authors' code for CIFAR-10."""

    @property
    def per_class(self) -> int:
        """Images of a class in a set."""
        return self.steps * self.per_step

    def of_class(self, label: int, least: int = 1) -> Tensor:
        """All images of a class, uint8 `[n, C, H, W]`.

        Raises:
            UserError: there are fewer than `least`.
        """
        images = self.x[self.y == label]
        if len(images) < least:
            raise UserError(f"class {label} has {len(images)} training images, but a set needs {least}; lower steps")
        return images

    def prepared(self, x: Tensor, label: int, draw: int) -> Tensor:
        """Images `x` of one class for set number `draw`: uint8 to normalised floats, augmented if `augment`."""
        if self.augment:
            x = _augmented(x, self.seed_of("augment", draw, label))
        return normalise(x, self.mean, self.std)

    def seed_of(self, *path: str | int) -> int:
        """A seed of 32 bits, for other libraries, of the random stream named by `path`."""
        return int(torch.randint(2**32, (), generator=generator(self.seed, *path)))

    def in_steps(self, per_class: list[Tensor]) -> Tensor:
        """Images `[steps * per_step, ...]` of each class as `[steps, classes * per_step, ...]`, classes in order."""
        stacked = torch.stack([images.unflatten(0, (self.steps, self.per_step)) for images in per_class])
        return stacked.transpose(0, 1).flatten(1, 2)


def _augmented(x: Tensor, seed: int) -> Tensor:
    size = x.shape[-1]
    change = v2.Compose([v2.RandomCrop(size, padding=size // 8, padding_mode="reflect"), v2.RandomHorizontalFlip()])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.stack([change(image) for image in x])
