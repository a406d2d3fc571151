"""How networks are trained on a distilled set to judge it. Each protocol is a function and an entry of `PROTOCOLS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from dd.distill.distilled_set import DistilledSet
    from dd.distill.loss import Loss


@dataclass(frozen=True)
class EvaluationProtocol:
    """A way of training networks on a distilled set."""

    name: str
    """The name in commands, the config and files."""
    description: str
    """Text for the help, and for below tables."""
    train: Callable[[DistilledSet, Loss, Tensor], Tensor]
    """Takes the set, each net's mean loss on a batch, and initial weights `[nets, P]`; returns trained weights."""


NATIVE = "native"
"""The name of the protocol that a set is made for, which is the default."""


@dataclass(frozen=True)
class SgdSettings:
    """How networks are trained by SGD in random minibatches."""

    epochs: int
    """Passes over the images; in the second half, the rate is a tenth of `lr`."""
    batch: int
    """Images of a minibatch."""
    lr: float
    momentum: float
    weight_decay: float


DC_BENCH = SgdSettings(epochs=300, batch=256, lr=0.01, momentum=0.9, weight_decay=5e-4)
"""DC-BENCH (Cui et al. 2022), without its augmentation. For MNIST, the benchmark's own code has 1000 epochs."""


def native(distilled: DistilledSet, loss: Loss, theta: Tensor) -> Tensor:
    """Train on the set as in distillation: its steps in order, at its learned rates, for its epochs (Equation 9)."""
    from dd.distill.unroll import UnrollOptions, train

    return train(loss, theta, distilled.data.to(theta.device), options=UnrollOptions(momentum=distilled.momentum))


def dc_bench(distilled: DistilledSet, loss: Loss, theta: Tensor) -> Tensor:
    """Train on the set by SGD in random minibatches of all its images; the field compares sets in this way.

    The order and the learned rates of the set are not used. All nets see the same minibatches, drawn by the set's seed.
    Their initial weights and layers are those of the native protocol.
    """
    import torch

    from dd.distill.derivatives import value_and_gradient_in_chunks
    from dd.nets.stacked import net_batches
    from dd.runtime.seeds import generator

    settings, seed = DC_BENCH, distilled.info["config"]["seed"]
    x, y = (t.flatten(0, 1).to(theta.device) for t in (distilled.images, distilled.labels))
    trained = []
    for part in net_batches(theta):
        weights = part.clone()
        sgd = torch.optim.SGD([weights], lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.MultiStepLR(sgd, [settings.epochs // 2], 0.1)
        for epoch in range(settings.epochs):
            order = torch.randperm(len(x), generator=generator(seed, "dc-bench", epoch)).to(x.device)
            for batch in order.split(settings.batch):
                _, weights.grad = value_and_gradient_in_chunks(loss, weights, x[batch], y[batch])
                sgd.step()
            schedule.step()
        trained.append(weights)
    return torch.cat(trained)


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol(
            name=NATIVE,
            description="the set's images in their order, at their learned rates, as often as in distillation",
            train=native,
        ),
        EvaluationProtocol(
            name="dc-bench",
            description=f"{DC_BENCH.epochs} epochs of SGD in random minibatches of {DC_BENCH.batch}, rate "
            f"{DC_BENCH.lr} and a tenth of it in the second half, momentum {DC_BENCH.momentum}, weight decay "
            f"{DC_BENCH.weight_decay}, no augmentation (Cui et al. 2022)",
            train=dc_bench,
        ),
    )
}
"""Every protocol by name, in the order of the help."""
