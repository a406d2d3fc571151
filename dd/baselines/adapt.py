"""What adaptation by distilled images is compared with in Tables 2 and 3: all target images, and FADA."""

from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor

from dd.data.dataset import Dataset
from dd.distill.initial import Initial
from dd.distill.objective import classification
from dd.distill.steps import DistilledSet
from dd.nets.stacked import StackedNet
from dd.pool.config import Recipe
from dd.pool.train import train_nets


def fine_tune(distilled: DistilledSet, dataset: Dataset, theta: Tensor, recipe: Recipe) -> Tensor:
    """Nets `theta [nets, P]` after training on all training images of the set's data."""
    loss = classification(StackedNet(distilled.make()).to(theta.device))
    return train_nets(loss, theta, dataset.x_train, dataset.y_train, distilled.mean, distilled.std, recipe)


def adapted(
    method: str,
    distilled: DistilledSet,
    dataset: Dataset,
    initial: Initial,
    nets: int,
    adapt: Callable[[Tensor, int], Tensor],
    device: str = "cpu",
) -> pd.DataFrame:
    """Adapt the held-out nets that a set was made for by another method, and test them.

    A fixed initialisation is adapted `nets` times. `adapt` gets weights `[nets, P]` and the number of the run.

    Returns:
        A row a net: what `DistilledSet.setting` says, method, held_out_net, stage (`after`), test_images, accuracy (%).
    """
    distilled.check(dataset)
    net, several = StackedNet(distilled.make()).to(device), initial.nets("held-out", nets)
    weights = initial("held-out", range(several)).to(device)
    runs = [adapt(weights, run) for run in range(nets if several == 1 else 1)]
    percent = [distilled.measures(net, w, dataset.x_test, dataset.y_test)["accuracy"] for w in runs]
    common = distilled.setting() | {"method": method}
    return pd.DataFrame(
        [
            common | {"held_out_net": i, "stage": "after", "test_images": len(dataset.x_test), "accuracy": value}
            for i, value in enumerate(torch.cat(percent).tolist())
        ]
    )
