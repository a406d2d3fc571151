"""Losses `l(x, theta)` and accuracies over stacked networks."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from dd.data.real import normalise
from dd.nets.stacked import StackedNet

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(theta [nets, P], x [n, ...], y [n]) -> the mean loss of each net, [nets]."""

BATCH = 1000
"""Test images judged at once: bounds memory, changes nothing else."""


def classification(net: StackedNet) -> Loss:
    """Cross entropy averaged over the images: the `l` of Equation 1."""

    def loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        logits = net.logits(theta, x)
        labels = y.expand(len(theta), -1)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(labels).mean(1)

    return loss


def accuracy(net: StackedNet, theta: Tensor, x: Tensor, y: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The share of images each net classifies rightly, in percent.

    Args:
        net: the architecture.
        theta: weights `[nets, P]`.
        x: uint8 images `[n, C, H, W]`.
        y: labels `[n]`.
        mean: `[C]`, on the scale 0 to 1.
        std: `[C]`.

    Returns:
        `[nets]`.
    """
    right = torch.zeros(len(theta), device=theta.device)
    with torch.no_grad():
        for images, labels in zip(x.split(BATCH), y.split(BATCH), strict=True):
            batch = normalise(images.to(theta.device), mean, std)
            right += (net.logits(theta, batch).argmax(2) == labels.to(theta.device)).sum(1)
    return 100 * right.cpu() / len(x)
