"""Held-out evaluation: train networks on a distilled set and test them on real images (Section 4)."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from dd.data.prepared import Dataset
from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial
from dd.distill.loss import Loss, classification
from dd.distill.settings import POISONING
from dd.distill.unroll import UnrollOptions, train
from dd.nets.build import try_out
from dd.nets.stacked import NETS_AT_ONCE, StackedNet, net_batches
from dd.runtime.process_group import ProcessGroup
from dd.runtime.seeds import generator

EPOCHS, BATCH, LR = 300, 256, 0.01
"""Of `dc_bench`."""


def for_net(distilled: DistilledSet, name: str) -> DistilledSet:
    """The set as if made for random weights of network `name`, drawn by its own scheme; itself where made for that net.

    Raises:
        UserError: no such network, or one that does not go with these images and classes.
    """
    config = distilled.info["config"]
    if name == config["net"]:
        return distilled
    info = {key: value for key, value in distilled.info.items() if key != "pretrained"}
    info["config"] = config | {"net": name, "init": "random"}
    other = replace(distilled, fixed_weights=None, buffers={}, info=info)
    try_out(other.make(), name, other.images.shape[2], other.images.shape[-1], len(info["classes"]))
    return other


def dc_bench(loss: Loss, theta: Tensor, images: Tensor, labels: Tensor, seed: int) -> Tensor:
    """Nets `theta [nets, P]` after the training that the field compares sets by (DC-BENCH, Cui et al. 2022).

    SGD in random minibatches of 256 images, 300 epochs, rate 0.01 and a tenth of it in the second half, momentum 0.9,
    weight decay 0.0005, no augmentation (for MNIST the benchmark's own code has some, and 1000 epochs). Order and
    learned rates of the set do not matter. All nets see the same minibatches, drawn by `seed`; their initial weights
    and layers are as for the set's own way.

    Args:
        loss: each net's mean loss on a batch.
        theta: initial weights.
        images: `[steps, n, ...]`.
        labels: `[steps, n]`, or probabilities `[steps, n, classes]`.
        seed: of the minibatches.
    """
    x, y, trained = images.flatten(0, 1), labels.flatten(0, 1), []
    for part in net_batches(theta):
        weights = part.clone()
        sgd = torch.optim.SGD([weights], lr=LR, momentum=0.9, weight_decay=5e-4)
        schedule = torch.optim.lr_scheduler.MultiStepLR(sgd, [EPOCHS // 2], 0.1)
        for epoch in range(EPOCHS):
            order = torch.randperm(len(x), generator=generator(seed, "dc-bench", epoch)).to(x.device)
            for batch in order.split(BATCH):
                _, weights.grad = value_and_gradient_in_chunks(loss, weights, x[batch], y[batch])
                sgd.step()
            schedule.step()
        trained.append(weights)
    return torch.cat(trained)


def evaluate(
    distilled: DistilledSet,
    dataset: Dataset,
    initial: Initial,
    nets: int,
    device: str = "cpu",
    group: ProcessGroup | None = None,
    on_nets: Callable[[int], object] = lambda _count: None,
    protocol: str = "",
) -> pd.DataFrame:
    """Apply a set to held-out nets step by step, and test each on the whole test set before and after.

    With `protocol` `"dc-bench"` they are trained by `dc_bench` instead; `"native"` is the set's own order and rates.
    There are at most as many nets as `initial`, the set's, has: a fixed initialisation is one. The processes of `group`
    share them, and each of them gets the whole table; `on_nets` hears how many nets of this process's share are done.

    Returns:
        One row a measurement: what `distilled.setting` says, with the name of this `dataset`; protocol if given,
        held_out_net, stage (`before` or `after`), test_images, fidelity (of the dataset), and in percent what
        `distilled.measures`: accuracy, and for poisoning misled, others and clean.

    Raises:
        UserError: the images of the dataset are not those of the set.
    """
    distilled.check(dataset)
    group = group or ProcessGroup()
    net = StackedNet(distilled.make()).to(device)
    loss = classification(net)
    data = distilled.data.to(device)
    nets = initial.nets("held-out", nets)
    names = list(POISONING if distilled.attacks else POISONING[:1])
    percent = torch.zeros(2, len(names), nets)
    mine = group.share(range(nets))

    def trained(theta: Tensor) -> Tensor:
        if protocol == "dc-bench":
            return dc_bench(loss, theta, data.images, data.labels, distilled.info["config"]["seed"])
        return train(loss, theta, data, options=UnrollOptions(momentum=distilled.momentum))

    for first in range(0, len(mine), NETS_AT_ONCE):
        indices = list(mine[first : first + NETS_AT_ONCE])
        theta = initial("held-out", indices).to(device)
        for stage, weights in enumerate((theta, trained(theta))):
            measured = distilled.measures(net, weights, dataset.x_test, dataset.y_test)
            percent[stage][:, indices] = torch.stack([measured[name] for name in names])
        on_nets(len(indices))
    setting = distilled.setting() | {"dataset": dataset.name} | ({"protocol": protocol} if protocol else {})
    rows = [
        setting
        | {"held_out_net": index, "stage": stage}
        | {"test_images": len(dataset.x_test), "fidelity": dataset.info["fidelity"]}
        | {name: round(value, 4) for name, value in zip(names, values, strict=True)}
        for index, both in enumerate(group.all_reduce(percent).permute(2, 0, 1).tolist())
        for stage, values in zip(("before", "after"), both, strict=True)
    ]
    return pd.DataFrame(rows)
