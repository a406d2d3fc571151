"""How well networks classify images, and how far they are poisoned."""

import math

import torch
from torch import Tensor

from dd.data.batches import normalise
from dd.data.whitening import Whitening
from dd.distill.loss import poisoned
from dd.nets.stacked import StackedNet, net_batches

BATCH = 100
"""Test images classified at once. It limits memory and changes no result."""


def predictions(
    net: StackedNet, theta: Tensor, x: Tensor, mean: Tensor, std: Tensor, whitening: Whitening | None = None
) -> Tensor:
    """The class that each net gives each image.

    Args:
        net: the architecture.
        theta: weights `[nets, P]`.
        x: inputs `[n, ...]`, bytes or floats, not yet normalised.
        mean: `[C]`, of bytes on the scale 0 to 1.
        std: `[C]`.
        whitening: what is done to the normalised images, if anything.

    Returns:
        Labels `[nets, n]` on the CPU.
    """
    predicted = []
    with torch.no_grad():
        for images in x.split(BATCH):
            batch = normalise(images.to(theta.device), mean, std)
            batch = whitening(batch) if whitening else batch
            predicted.append(torch.cat([net.logits(part, batch).argmax(2) for part in net_batches(theta)]).cpu())
    return torch.cat(predicted, 1)


def accuracy(net: StackedNet, theta: Tensor, x: Tensor, y: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The share of images that each net classifies as `y [n]`, in percent `[nets]`; for the rest see `predictions`."""
    return percent(predictions(net, theta, x, mean, std) == y)


def percent(right: Tensor) -> Tensor:
    """The share of true values in the last dimension, in percent."""
    return 100 * right.float().mean(-1)


def sample_std(values: Tensor) -> float:
    """The standard deviation of `values [n]` with n - 1 below the fraction; NaN if there is one value."""
    return values.std().item() if len(values) > 1 else math.nan


def poisoning(predicted: Tensor, y: Tensor, *, attack_class: int, target_class: int) -> dict[str, Tensor]:
    """How far nets are poisoned, by their predictions `predicted [nets, n]` for images with true labels `y [n]`.

    Returns:
        In percent `[nets]`: `accuracy` with respect to the attacker's labels, `misled` (the share of the attack class
        that is given the target class), `others` (accuracy on the other classes), `clean` (accuracy with respect to the
        true labels), `attacked` (accuracy on the attack class with respect to the true labels).
    """
    attacked = y == attack_class
    return {
        "accuracy": percent(predicted == poisoned(y, attack_class=attack_class, target_class=target_class)),
        "misled": percent(predicted[:, attacked] == target_class),
        "others": percent(predicted[:, ~attacked] == y[~attacked]),
        "clean": percent(predicted == y),
        "attacked": percent(predicted[:, attacked] == attack_class),
    }
