"""Held-out evaluation: train networks on a distilled set and test them on real images (Section 4)."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import torch

from dd.data.dataset import Dataset
from dd.distill.initial import Initial
from dd.distill.objective import POISONING, classification
from dd.distill.steps import DistilledSet
from dd.distill.unroll import train
from dd.nets.stacked import NETS_AT_ONCE, StackedNet
from dd.runtime.parallel import Team


def evaluate(
    distilled: DistilledSet,
    dataset: Dataset,
    initial: Initial,
    nets: int,
    device: str = "cpu",
    team: Team | None = None,
    on_nets: Callable[[int], object] = lambda _count: None,
) -> pd.DataFrame:
    """Apply a set to held-out nets step by step, and test each on the whole test set before and after.

    There are at most as many nets as `initial`, the set's, has: a fixed initialisation is one. The processes of `team`
    share them, and each of them gets the whole table; `on_nets` hears how many nets of this process's share are done.

    Returns:
        One row a measurement: what `distilled.setting` says, held_out_net, stage (`before` or `after`), test_images,
        and in percent what `distilled.measures`: accuracy, and for poisoning misled and others.

    Raises:
        UserError: the images of the dataset are not those of the set.
    """
    distilled.check(dataset)
    team = team or Team()
    net = StackedNet(distilled.make()).to(device)
    loss = classification(net)
    distilled_data = [t.to(device) for t in (distilled.images, distilled.labels, distilled.lrs)]
    nets = initial.nets("held-out", nets)
    names = list(POISONING if distilled.attacks else POISONING[:1])
    percent = torch.zeros(2, len(names), nets)
    mine = team.share(range(nets))
    learn = partial(train, loss, momentum=distilled.momentum)
    for first in range(0, len(mine), NETS_AT_ONCE):
        indices = list(mine[first : first + NETS_AT_ONCE])
        theta = initial("held-out", indices).to(device)
        for stage, weights in enumerate((theta, learn(theta, *distilled_data))):
            measured = distilled.measures(net, weights, dataset.x_test, dataset.y_test)
            percent[stage][:, indices] = torch.stack([measured[name] for name in names])
        on_nets(len(indices))
    rows = [
        distilled.setting()
        | {"held_out_net": index, "stage": stage, "test_images": len(dataset.x_test)}
        | {name: round(value, 4) for name, value in zip(names, values, strict=True)}
        for index, both in enumerate(team.add_up(percent).permute(2, 0, 1).tolist())
        for stage, values in zip(("before", "after"), both, strict=True)
    ]
    return pd.DataFrame(rows)
