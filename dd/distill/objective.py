"""Losses `l(x, theta)` and accuracies over stacked networks."""

from collections.abc import Callable

import torch
from torch import Tensor

from dd.data.real import normalise
from dd.nets.stacked import StackedNet, together

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(theta [nets, P], x [n, ...], y [n]) -> the mean loss of each net, [nets].

One with a true attribute `flattens` comes down to the same operations whatever the values, and one with `compiles` too
is to be compiled: see `dd.distill.flat`.
"""

BATCH = 100
"""Test images judged at once: bounds memory, changes nothing else."""


def classification(net: StackedNet, compiles: bool = False) -> Loss:
    """Cross entropy averaged over the images: the `l` of Equation 1."""

    def loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(net.logits(theta, x), y)

    loss.flattens, loss.compiles = net.stacks, compiles
    return loss


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy `[nets]` of `logits [nets, n, classes]` for `labels [n]`.

    Spelt out because PyTorch's own cannot be differentiated forward and then backward: its tangent overwrites what
    the backward pass needs.
    """
    # not detached, which would be the same: PyTorch is slow where an operand has a tangent and the other has none
    shifted = logits - logits.gather(2, logits.detach().argmax(2, keepdim=True))
    chosen = shifted.gather(2, labels.expand(len(logits), -1).unsqueeze(2)).squeeze(2)
    return (shifted.exp().sum(2).log() - chosen).mean(1)


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
            logits = torch.cat([net.logits(weights, batch) for weights in together(theta)])
            right += (logits.argmax(2) == labels.to(theta.device)).sum(1)
    return 100 * right.cpu() / len(x)
