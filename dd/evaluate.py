"""Held-out evaluation: train networks on a distilled set and test them on real images (Section 4)."""

from collections.abc import Callable

import pandas as pd
import torch

from dd.data.dataset import Dataset
from dd.distill.objective import accuracy, classification
from dd.distill.steps import DistilledSet
from dd.distill.unroll import train
from dd.nets.stacked import NETS_AT_ONCE, StackedNet
from dd.runtime.errors import UserError
from dd.runtime.parallel import Team


def evaluate(
    distilled: DistilledSet,
    dataset: Dataset,
    nets: int,
    device: str = "cpu",
    team: Team | None = None,
    on_nets: Callable[[int], object] = lambda _count: None,
) -> pd.DataFrame:
    """Apply a set to held-out nets step by step, and test each on the whole test set before and after.

    A fixed initialisation is one net, whatever `nets` says. The processes of `team` share the nets, and each of them
    gets the whole table; `on_nets` hears how many nets of this process's share are done.

    Returns:
        One row a measurement: dataset, net, init, steps, epochs, distilled_images, held_out_net, stage (`before` or
        `after`), test_images, accuracy (%).

    Raises:
        UserError: the images of the dataset are not those of the set.
    """
    config = distilled.info["config"]
    if dataset.image_shape != tuple(distilled.images.shape[2:]):
        raise UserError(
            f"{dataset.name} has images {list(dataset.image_shape)}, "
            f"but the set was distilled for {list(distilled.images.shape[2:])}"
        )
    if dataset.classes != distilled.info["classes"]:
        raise UserError(f"{dataset.name} has other classes than the set, which knows {distilled.info['classes']}")
    team = team or Team()
    net = StackedNet(distilled.make()).to(device)
    loss, initial = classification(net), distilled.initial()
    distilled_data = [t.to(device) for t in (distilled.images, distilled.labels, distilled.lrs)]
    test = (dataset.x_test, dataset.y_test, distilled.mean, distilled.std)
    percent = torch.zeros(2, 1 if distilled.fixed_weights is not None else nets)
    mine = team.share(range(percent.shape[1]))
    for first in range(0, len(mine), NETS_AT_ONCE):
        indices = list(mine[first : first + NETS_AT_ONCE])
        theta = initial("held-out", indices).to(device)
        trained = train(loss, theta, *distilled_data)
        percent[:, indices] = torch.stack([accuracy(net, weights, *test) for weights in (theta, trained)])
        on_nets(len(indices))
    rows = [
        {
            "dataset": dataset.name,
            "net": config["net"],
            "init": config["init"],
            "steps": config["steps"],
            "epochs": config["epochs"],
            "distilled_images": distilled.labels.numel(),
            "held_out_net": index,
            "stage": stage,
            "test_images": len(dataset.x_test),
            "accuracy": round(value.item(), 4),
        }
        for index, values in enumerate(team.add_up(percent).T)
        for stage, value in zip(("before", "after"), values, strict=True)
    ]
    return pd.DataFrame(rows)
