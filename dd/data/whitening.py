"""Whitening: real images made like those that a set was distilled as. A set names the kind and the data, no matrix.

ZCA turns images x [d], flattened, into W (x - m), where W = (C + r I)^(-1/2) and C is the covariance of the training
images. The kinds differ in x, m and r, and a set distilled for one is of no use with the other:

- `kornia-zca`, of MTT, DATM and DD-Ranking, by kornia's ZCAWhitening: x is pixels of 0 to 1, m the mean image, C has
  N - 1 below the fraction, and r is 0.1. With `kornia-zca-standardised`, pixels are standardised before that.
- `unit-norm-zca`, of KIP, FRePo, RCIG and RaT-BPTT: each x is less its own mean and divided by its own norm; m is 0, C
  the mean of x x^T, and r 0.1 trace(C) / d.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dd.data.batches import normalise
from dd.data.prepared import Dataset
from dd.runtime.errors import UserError

EPS = 0.1
"""The r of kornia's, as MTT sets it."""
SHARE = 0.1
"""The r of the other, as a share of the mean variance."""
BATCH = 1000
"""Images taken at once into the covariance."""


@dataclass(frozen=True)
class Whitening:
    """The whitening of one dataset."""

    prepare: Callable[[Tensor], Tensor]
    """What is done to flat images `[n, d]` before."""
    mean: Tensor
    """m, `[d]`."""
    matrix: Tensor
    """W, `[d, d]`."""

    def __call__(self, x: Tensor) -> Tensor:
        """Whiten normalised images `[n, C, H, W]`."""
        mean, matrix = self.mean.to(x), self.matrix.to(x)
        return ((self.prepare(x.flatten(1)) - mean) @ matrix).view_as(x)


@dataclass(frozen=True)
class WhiteningKind:
    """A way of whitening."""

    name: str
    """The name in commands and files."""
    before: Literal["field", "none"]
    """How images are normalised before: by the field's numbers, or not at all."""
    prepare: Callable[[Tensor], Tensor]
    """What is done to flat images `[n, d]` before they are whitened."""
    centred: bool
    """Whether m is the mean image."""
    regularised: Callable[[Tensor], Tensor]
    """The eigenvalues of C with r added."""

    def fit(self, x: Tensor, mean: Tensor, std: Tensor) -> Whitening:
        """The whitening of training images `x`, uint8 `[N, C, H, W]`, which `mean` and `std [C]` normalise."""
        size = x[0].numel()
        total, products = torch.zeros(size).double(), torch.zeros(size, size).double()
        for batch in x.split(BATCH):
            flat = self.prepare(normalise(batch, mean, std).flatten(1)).double()
            total += flat.sum(0)
            products += flat.T @ flat
        m = total / len(x) if self.centred else torch.zeros(size).double()
        covariance = (products - len(x) * torch.outer(m, m)) / (len(x) - self.centred)
        eigenvalues, vectors = torch.linalg.eigh(covariance)
        matrix = (vectors * self.regularised(eigenvalues.clamp(min=0)).rsqrt()) @ vectors.T
        return Whitening(self.prepare, m.float(), matrix.float())

    def spread(self, x: Tensor, mean: Tensor, std: Tensor) -> float:
        """How far all values of images `x` would spread after `fit`: their standard deviation.

        The eigenvalues of C are those of the products of the images with each other, and zeros, so that a few images
        cost little, however large they are.
        """
        flat = self.prepare(normalise(x, mean, std).flatten(1)).double()
        if self.centred:
            flat = flat - flat.mean(0)
        size = flat.shape[1]
        largest = torch.linalg.eigvalsh(flat @ flat.T / (len(x) - self.centred)).clamp(min=0)[-size:]
        values = torch.cat([torch.zeros(size - len(largest)).double(), largest])
        return (values / self.regularised(values)).mean().sqrt().item()


def unit_norm(flat: Tensor) -> Tensor:
    """Each of `[n, d]` less its own mean and divided by its own norm; an image of one gray is 0."""
    centred = flat - flat.mean(1, keepdim=True)
    norm = centred.norm(dim=1, keepdim=True)
    return centred / norm.where(norm > 0, 1)


WHITENINGS = {
    kind.name: kind
    for kind in (
        WhiteningKind(
            name="kornia-zca",
            before="none",
            prepare=lambda flat: flat,
            centred=True,
            regularised=lambda values: values + EPS,
        ),
        WhiteningKind(
            name="kornia-zca-standardised",
            before="field",
            prepare=lambda flat: flat,
            centred=True,
            regularised=lambda values: values + EPS,
        ),
        WhiteningKind(
            name="unit-norm-zca",
            before="none",
            prepare=unit_norm,
            centred=False,
            regularised=lambda values: values + SHARE * values.mean(),
        ),
    )
}
"""Every kind by name, in the order of the help."""


def check_recipe(recipe: dict[str, str], dataset: Dataset, *, whitens: bool) -> None:
    """Refuse to use a whitened set with real images that are not made like it.

    Args:
        recipe: the `kind` of whitening, and the checksum of the `data` that it was computed from.
        dataset: the real images.
        whitens: whether the caller whitens them.

    Raises:
        UserError: it does not, or the whitening would be another one.
    """
    if recipe["kind"] not in WHITENINGS:
        raise UserError(f"the set is whitened by {recipe['kind']}, of which this version knows nothing")
    if not whitens:
        raise UserError(
            f"the set is whitened ({recipe['kind']}), and only `dd evaluate`, `judge` and `audit` whiten real images"
        )
    if recipe["data"] != dataset.info["sha256"]:
        raise UserError(f"the set is whitened by other images than those of {dataset.name}; name the same data")


_newest: dict[tuple, Whitening] = {}
"""The whitening that was computed last, by all that it depends on: one set is often judged several times."""


def fitted(kind: str, dataset: Dataset, mean: Tensor, std: Tensor) -> Whitening:
    """The whitening by the training images of `dataset`, which `mean` and `std [C]` normalise."""
    key = (kind, dataset.info["sha256"], *mean.tolist(), *std.tolist())
    if key not in _newest:
        _newest.clear()
        _newest[key] = WHITENINGS[kind].fit(dataset.x_train, mean, std)
    return _newest[key]
