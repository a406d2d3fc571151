"""Baseline: the mean image of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.baselines.baseline import Baseline

if TYPE_CHECKING:
    from torch import Tensor

    from dd.baselines.real_images import RealImages
    from dd.baselines.trial import BaselineTrial


def average_set(real: RealImages) -> Tensor:
    """The mean image of each class, the same in every step: `[steps, classes, C, H, W]`."""
    import torch

    means = [real.prepared(real.of_class(label), label, draw=0).mean(0) for label in range(real.classes)]
    return torch.stack(means).expand(real.steps, -1, -1, -1, -1)


def average_sets(trial: BaselineTrial) -> list[Tensor]:
    """The only set, in a list; for minibatches, which take several images of a class, with each mean repeated."""
    images = average_set(trial.real)
    if trial.distilled.config.batch_per_class:
        images = images.repeat_interleave(trial.real.per_step, 1)
    return [images]


BASELINE = Baseline(
    name="average",
    order=4,
    label="Average real",
    description="the mean image of each class, in every step",
    sets=average_sets,
    classifier="gradient descent",
    settings=("nets", "test_nets", "choose_on"),
    module=__name__,
)
