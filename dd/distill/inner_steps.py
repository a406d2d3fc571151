"""The GD steps of a training on distilled images: on which images each is, and at which rate."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from dd.distill.distilled_data import DistilledData, Rows


class Step(NamedTuple):
    """One GD step."""

    rate: int
    """Its learning rate, as an index into the flattened `lrs [epochs, steps]`."""
    rows: Rows
    """Its images, none of them twice."""


Steps = Sequence[Step]
"""All steps of a training, in their order."""


def in_order(data: DistilledData) -> Steps:
    """The paper's: in every epoch, one step after the other, each on its own images."""
    steps, n = data.images.shape[:2]
    return [Step(place, slice(place % steps * n, (place % steps + 1) * n)) for place in range(data.lrs.numel())]


def shuffled(data: DistilledData, draw: torch.Generator) -> Steps:
    """All steps in every epoch, in an order that `draw` draws anew for each.

    A rate stays with its images, wherever in an epoch they come.
    """
    steps, ordered = len(data.images), in_order(data)
    firsts = range(0, len(ordered), steps)
    return [ordered[first + i] for first in firsts for i in torch.randperm(steps, generator=draw).tolist()]


def minibatches(data: DistilledData, *, classes: int, per_class: int, draw: torch.Generator) -> Steps:
    """Ordinary minibatches: `per_class` images of each class, drawn from those of all steps.

    An epoch is a pass over all images, in which each comes once. A rate stays at its place in the epoch.

    Args:
        data: images `[steps, classes x images per class, ...]`, those of a class beside each other in each step.
        classes: the number of classes.
        per_class: a divisor of the number of images of a class in all steps.
        draw: draws which images come together.
    """
    (steps, n), epochs = data.images.shape[:2], len(data.lrs)
    of_class = torch.arange(steps * n).view(steps, classes, -1).transpose(0, 1).flatten(1)
    order = torch.rand(epochs, *of_class.shape, generator=draw).argsort(2)
    passes = of_class.expand(epochs, -1, -1).gather(2, order).unflatten(2, (-1, per_class))
    drawn = passes.transpose(1, 2).reshape(data.lrs.numel(), -1).to(data.images.device)
    return [Step(place, rows) for place, rows in enumerate(drawn)]
