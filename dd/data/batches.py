"""Real images for training: normalised batches without replacement."""

import torch
from torch import Tensor

from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


def normalise(x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """uint8 images `[n, C, H, W]` as floats with mean 0 and standard deviation 1 in each channel.

    `mean` and `std` `[C]` are over the training set, on the scale 0 to 1.
    """
    shift, scale = mean.view(-1, 1, 1).to(x.device), std.view(-1, 1, 1).to(x.device)
    # prepared images have their channels last in memory, which not every network takes
    floats = torch.empty(x.shape, device=x.device).copy_(x)
    return floats.div_(255).sub_(shift).div_(scale)


def rows_of_each_class(y: Tensor, classes: int, count: int, draw: torch.Generator, cure: str) -> Tensor:
    """Where `count` images of each class are, `[classes, count]`, drawn without replacement from labels `y [N]`.

    Raises:
        UserError: a class has fewer; `cure` names what to lower.
    """
    rows = []
    for label in range(classes):
        own = (y == label).nonzero().squeeze(1)
        if len(own) < count:
            raise UserError(f"class {label} has {len(own)} images to draw from, not {count}; lower {cure}")
        rows.append(own[torch.randperm(len(own), generator=draw)[:count]])
    return torch.stack(rows)


class RealBatches:
    """Batches of real images, each image once a pass; batch `i` depends on the seed and `i` alone.

    Images stay uint8 on the device and are normalised batch by batch: a quarter of the memory. The rest of a pass
    that does not fill a batch is left out, as another order follows.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        mean: Tensor,
        std: Tensor,
        batch_size: int,
        seed: int,
        rows: Tensor | None = None,
    ) -> None:
        """`x` uint8 `[N, C, H, W]`, `y` int64 `[N]`, `mean` and `std` `[C]`; only the images in `rows`, if given."""
        self.rows = torch.arange(len(x)) if rows is None else rows
        if batch_size > len(self.rows):
            raise UserError(f"real_batch: {batch_size} is more than the {len(self.rows)} training images; lower it")
        self.x, self.y, self.mean, self.std = x, y, mean, std
        self.batch_size, self.seed = batch_size, seed
        self.per_pass = len(self.rows) // batch_size
        self._pass, self._order = -1, torch.empty(0)

    def batch(self, index: int) -> tuple[Tensor, Tensor]:
        """Batch `index` (from 0, without end): images `[b, C, H, W]` and labels `[b]`."""
        number, position = divmod(index, self.per_pass)
        if number != self._pass:
            order = torch.randperm(len(self.rows), generator=generator(self.seed, "real", number))
            self._pass, self._order = number, self.rows[order].to(self.x.device)
        chosen = self._order[position * self.batch_size : (position + 1) * self.batch_size]
        return normalise(self.x[chosen], self.mean, self.std), self.y[chosen]
