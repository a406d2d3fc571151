"""Adaptation: train on the whole training set of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.adaptation.adaptation import Adaptation, AdaptationTask
from dd.pools.settings import TrainConfig

if TYPE_CHECKING:
    from torch import Tensor


def fine_tune(task: AdaptationTask, theta: Tensor, config: TrainConfig) -> Tensor:
    """Nets `theta [nets, P]` after training on all training images of the target, by the training of pools."""
    from dd.distill.loss import classification
    from dd.nets.stacked import StackedNet
    from dd.pools.train import train_nets

    distilled, dataset = task.distilled, task.dataset
    loss = classification(StackedNet(distilled.make()).to(theta.device))
    images = dataset.training_images()._replace(mean=distilled.mean, std=distilled.std)
    return train_nets(loss, theta, images, config=config, progress=task.progress)


ADAPTATION = Adaptation(
    name="full",
    order=1,
    label="Full training set",
    description="train them on the whole training set, as pools are trained",
    adapt=fine_tune,
    needs_source=False,
    settings=tuple(TrainConfig.model_fields),
    module=__name__,
)
