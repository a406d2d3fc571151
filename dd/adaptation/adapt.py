"""What adaptation by distilled images is compared with in Tables 2 and 3: all target images, and a few by FADA."""

from collections.abc import Callable

import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from dd.adaptation.fada import FadaConfig, fada, few
from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.initial_weights import Initial
from dd.distill.loss import classification
from dd.nets.stacked import StackedNet
from dd.pools.settings import TrainConfig
from dd.pools.train import train_nets

Adapt = Callable[[Tensor, TrainConfig], Tensor]
"""Weights `[nets, P]` -> adapted ones."""


def fine_tune(
    distilled: DistilledSet, dataset: Dataset, progress: Callable[..., tqdm], theta: Tensor, recipe: TrainConfig
) -> Tensor:
    """Nets `theta [nets, P]` after training on all training images of the set's data."""
    loss = classification(StackedNet(distilled.make()).to(theta.device))
    data = (dataset.x_train, dataset.y_train, distilled.mean, distilled.std)
    return train_nets(loss, theta, *data, recipe, progress=progress)


def few_shot(
    distilled: DistilledSet,
    dataset: Dataset,
    source: Dataset,
    progress: Callable[..., tqdm],
    theta: Tensor,
    recipe: TrainConfig,
) -> Tensor:
    """Nets `theta [nets, P]` after FADA with as many images of a class as the set has, drawn by the recipe's seed."""
    classes = len(dataset.classes)
    per_class = distilled.images.shape[:2].numel() // classes
    images = few(dataset.x_train, dataset.y_train, classes, per_class, recipe.seed)
    return fada(
        StackedNet(distilled.make()).to(theta.device),
        theta,
        (source.x_train, source.y_train),
        images,
        (source.mean, source.std),
        (distilled.mean, distilled.std),
        FadaConfig(),
        recipe.seed,
        progress,
    )


def adapted(
    method: str,
    distilled: DistilledSet,
    dataset: Dataset,
    initial: Initial,
    nets: int,
    adapt: Adapt,
    recipe: TrainConfig,
    device: str = "cpu",
) -> pd.DataFrame:
    """Adapt the held-out nets that a set was made for by another method, and test their final state.

    A fixed initialisation is adapted `nets` times, each with a seed of its own.

    Returns:
        A row a net: what `DistilledSet.setting` says, method, held_out_net, stage (`after`), test_images, accuracy (%).

    Raises:
        UserError: the images of the dataset are not those of the set.
    """
    distilled.check(dataset)
    net, different = StackedNet(distilled.make()).to(device), initial.nets("held-out", nets)
    weights = initial("held-out", range(different)).to(device)
    recipes = [recipe.model_copy(update={"seed": recipe.seed + run}) for run in range(nets if different == 1 else 1)]
    test = (dataset.x_test, dataset.y_test)
    percent = [distilled.measures(net, adapt(weights, each), *test)["accuracy"] for each in recipes]
    common = distilled.setting() | {"dataset": dataset.name, "method": method}
    return pd.DataFrame(
        [
            common | {"held_out_net": i, "stage": "after", "test_images": len(dataset.x_test), "accuracy": value}
            for i, value in enumerate(torch.cat(percent).tolist())
        ]
    )
