"""Sets of real images in place of distilled ones (Section 4, "Baselines"; S-1)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from sklearn.cluster import KMeans
from torch import Tensor
from torchvision.transforms import v2

from dd.data.batches import normalise
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


@dataclass
class RealImages:
    """Where baselines take their images from."""

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
    """Images of a class in each of them."""
    seed: int
    augment: bool = False
    """Random crops of the images padded by reflection, and flips, as in the authors' code for CIFAR-10."""

    @property
    def per_class(self) -> int:
        """Images of a class in a set."""
        return self.steps * self.per_step

    def of_class(self, label: int, least: int = 1) -> Tensor:
        """uint8 `[n, C, H, W]`.

        Raises:
            UserError: fewer than `least`.
        """
        images = self.x[self.y == label]
        if len(images) < least:
            raise UserError(f"class {label} has {len(images)} training images, but a set needs {least}; lower steps")
        return images

    def prepared(self, x: Tensor, label: int, draw: int) -> Tensor:
        """Floats of uint8 images `x` of one class, augmented if that is wanted."""
        if self.augment:
            x = _augmented(x, self.seed_of("augment", draw, label))
        return normalise(x, self.mean, self.std)

    def seed_of(self, *path: str | int) -> int:
        """A seed for other libraries."""
        return torch.randint(2**32, (), generator=generator(self.seed, *path)).item()

    def in_steps(self, per_class: list[Tensor]) -> Tensor:
        """Images `[steps * per_step, ...]` of each class as `[steps, classes * per_step, ...]`, classes in order."""
        stacked = torch.stack([images.unflatten(0, (self.steps, self.per_step)) for images in per_class])
        return stacked.transpose(0, 1).flatten(1, 2)


def random_real(real: RealImages, draw: int) -> Tensor:
    """Images of each class at random, `[steps, n, C, H, W]`."""
    rng, chosen = generator(real.seed, "random real", draw), []
    for label in range(real.classes):
        images = real.of_class(label, real.per_class)
        order = torch.randperm(len(images), generator=rng)
        chosen.append(real.prepared(images[order[: real.per_class]], label, draw))
    return real.in_steps(chosen)


def k_means(real: RealImages, draw: int) -> Tensor:
    """Centroids of k-means in each class, as many as it has distilled images, `[steps, n, C, H, W]`.

    Run `draw` starts from its own k-means++ seeding.
    """
    centroids = []
    for label in range(real.classes):
        images = normalise(real.of_class(label, real.per_class), real.mean, real.std)
        clustering = KMeans(real.per_class, n_init=1, random_state=real.seed_of("k-means", draw))
        fitted = clustering.fit(images.flatten(1).numpy())
        centroids.append(torch.from_numpy(fitted.cluster_centers_).float().view(-1, *images.shape[1:]))
    return real.in_steps(centroids)


def average_real(real: RealImages, draw: int = 0) -> Tensor:
    """The mean image of each class, again in every step: `[steps, classes, C, H, W]`."""
    means = [real.prepared(real.of_class(label), label, draw).mean(0) for label in range(real.classes)]
    return torch.stack(means).expand(real.steps, -1, -1, -1, -1)


SETS: dict[str, Callable[[RealImages, int], Tensor]] = {
    "random": random_real,
    "optimized": random_real,
    "k_means": k_means,
    "average": average_real,
}
"""How each baseline makes its set number `draw`; the best of several random ones are the optimized ones."""


def sets(kind: str, real: RealImages, draws: int, candidates: int) -> Iterator[Tensor]:
    """The sets of baseline `kind`: `draws`, but one average, and `candidates` to choose the optimized ones from."""
    # optimized sets are other draws than random ones
    numbers = {"average": range(1), "optimized": range(draws, draws + candidates)}.get(kind, range(draws))
    return (SETS[kind](real, draw) for draw in numbers)


def _augmented(x: Tensor, seed: int) -> Tensor:
    size = x.shape[-1]
    change = v2.Compose([v2.RandomCrop(size, padding=size // 8, padding_mode="reflect"), v2.RandomHorizontalFlip()])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.stack([change(image) for image in x])
