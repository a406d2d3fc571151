"""Losses `l(x, theta)` and accuracies over stacked networks."""

from collections.abc import Callable

import torch
from torch import Tensor

from dd.data.batches import normalise
from dd.nets.stacked import StackedNet, net_batches

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(theta [nets, P], x [n, ...], y [n] or [n, classes]) -> the mean loss of each net, [nets].

One with a true attribute `flattens` comes down to the same operations whatever the values: see `dd.runtime.trace`.
"""

BATCH = 100
"""Test images judged at once: bounds memory, changes nothing else."""


def classification(net: StackedNet) -> Loss:
    """Cross entropy averaged over the images: the `l` of Equation 1."""

    def loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(net.logits(theta, x), y)

    loss.flattens = net.stacks
    return loss


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy `[nets]` of `logits [nets, n, classes]` for `labels [n]`, or for probabilities `[n, classes]`.

    Spelt out because PyTorch's own cannot be differentiated forward and then backward: its tangent overwrites what
    the backward pass needs.
    """
    # not detached, which would be the same: PyTorch is slow where an operand has a tangent and the other has none
    shifted = logits - logits.gather(2, logits.detach().argmax(2, keepdim=True))
    if labels.is_floating_point():
        return (labels * (shifted.exp().sum(2, keepdim=True).log() - shifted)).sum(2).mean(1)
    chosen = shifted.gather(2, labels.expand(len(logits), -1).unsqueeze(2)).squeeze(2)
    return (shifted.exp().sum(2).log() - chosen).mean(1)


def poisoned(labels: Tensor, attack_class: int, target_class: int) -> Tensor:
    """`labels [n]` as the attacker wants them: those of the attack class become the target class (Section 3.6)."""
    return torch.where(labels == attack_class, target_class, labels)


def predictions(net: StackedNet, theta: Tensor, x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """What each net takes images for.

    Args:
        net: the architecture.
        theta: weights `[nets, P]`.
        x: uint8 images `[n, C, H, W]`.
        mean: `[C]`, on the scale 0 to 1.
        std: `[C]`.

    Returns:
        Labels `[nets, n]` on the CPU.
    """
    said = []
    with torch.no_grad():
        for images in x.split(BATCH):
            batch = normalise(images.to(theta.device), mean, std)
            said.append(torch.cat([net.logits(weights, batch).argmax(2) for weights in net_batches(theta)]).cpu())
    return torch.cat(said, 1)


def accuracy(net: StackedNet, theta: Tensor, x: Tensor, y: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The share of images that each net classifies as `y [n]` says, in percent `[nets]`; arguments of `predictions`."""
    return percent(predictions(net, theta, x, mean, std) == y)


def percent(right: Tensor) -> Tensor:
    """The share of what is true in the last dimension."""
    return 100 * right.float().mean(-1)


def poisoning(said: Tensor, y: Tensor, attack_class: int, target_class: int) -> dict[str, Tensor]:
    """How well nets that say `said [nets, n]` of images with true labels `y [n]` are poisoned, in percent `[nets]`.

    `accuracy` is with respect to the attacker's labels, `misled` the share of the attack class taken for the target
    class, `others` the accuracy on the other classes, `clean` that with respect to the true labels.
    """
    attacked = y == attack_class
    return {
        "accuracy": percent(said == poisoned(y, attack_class, target_class)),
        "misled": percent(said[:, attacked] == target_class),
        "others": percent(said[:, ~attacked] == y[~attacked]),
        "clean": percent(said == y),
    }
