"""What networks are trained on, and gradients with respect to it."""

from typing import NamedTuple

import torch
from torch import Tensor

Rows = slice | Tensor
"""Some of the distilled images, by their places among those of all steps, one step after the other `[steps x n]`."""


class DistilledData(NamedTuple):
    """The data that networks are trained on."""

    images: Tensor
    """`[steps, n, ...]`."""
    labels: Tensor
    """`[steps, n]`; soft labels are probabilities `[steps, n, classes]`."""
    lrs: Tensor
    """Learning rates `[epochs, steps]`, `steps` being the GD steps of an epoch."""

    def to(self, device: torch.device | str) -> "DistilledData":
        """The same data on another device."""
        return DistilledData(*(t.to(device) for t in self))

    def zeros(self) -> "DistilledGradient":
        """A gradient of zeros."""
        dense = torch.contiguous_format
        labels = torch.zeros_like(self.labels, memory_format=dense) if self.labels.is_floating_point() else None
        images, lrs = (torch.zeros_like(t, memory_format=dense) for t in (self.images, self.lrs))
        return DistilledGradient(images, lrs, labels)

    def flat(self) -> tuple[Tensor, Tensor]:
        """The images `[steps x n, ...]` and labels of all steps, which `Rows` are taken from."""
        return self.images.flatten(0, 1), self.labels.flatten(0, 1)


class DistilledGradient(NamedTuple):
    """Gradients with respect to the fields of `DistilledData`, each in the shape of its field."""

    images: Tensor
    """`[steps, n, ...]`"""
    lrs: Tensor
    """`[epochs, steps]`"""
    labels: Tensor | None
    """`[steps, n, classes]`, or None for hard labels."""

    def add_(self, other: "DistilledGradient") -> None:
        """Add another gradient to this one, in place."""
        for own, term in zip(self, other, strict=True):
            if own is not None and term is not None:
                own.add_(term)

    def add_rows_(self, rows: Rows, images: Tensor, *labels: Tensor, factor: float) -> None:
        """Add `factor` times the gradients of one step's images and, if they are soft, labels, in place."""
        for own, term in zip((self.images, self.labels), (images, *labels), strict=False):
            if own is not None:
                all_rows = own.flatten(0, 1)  # a view
                all_rows[rows] = all_rows[rows].add_(term, alpha=factor)
