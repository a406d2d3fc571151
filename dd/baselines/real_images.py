"""Real images from which sets in the shape of a distilled set are made (Section 4, "Baselines"; S-1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dd.data.batches import TrainingImages
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


@dataclass
class RealImages:
    """The images that the sets of a baseline are made from."""

    images: TrainingImages
    classes: int
    steps: int
    """GD steps in an epoch."""
    per_step: int
    """Images of a class in each GD step."""
    seed: int

    @property
    def per_class(self) -> int:
        """Images of a class in a set."""
        return self.steps * self.per_step

    def of_class(self, label: int, least: int = 1) -> Tensor:
        """The rows of all images of a class, `[n]`.

        Raises:
            UserError: there are fewer than `least`.
        """
        rows = (self.images.y == label).nonzero().squeeze(1)
        if len(rows) < least:
            raise UserError(f"class {label} has {len(rows)} training images, but a set needs {least}; lower steps")
        return rows

    def prepared(self, rows: Tensor, label: int, draw: int) -> Tensor:
        """The images in `rows`, of one class, for set number `draw`: augmented and normalised, `[n, C, H, W]`."""
        return self.images.prepared(rows, generator(self.seed, "augment", draw, label))

    def seed_of(self, *path: str | int) -> int:
        """A seed of 32 bits, for other libraries, of the random stream named by `path`."""
        return int(torch.randint(2**32, (), generator=generator(self.seed, *path)))

    def in_steps(self, per_class: list[Tensor]) -> Tensor:
        """Images `[steps * per_step, ...]` of each class as `[steps, classes * per_step, ...]`, classes in order."""
        stacked = torch.stack([images.unflatten(0, (self.steps, self.per_step)) for images in per_class])
        return stacked.transpose(0, 1).flatten(1, 2)
