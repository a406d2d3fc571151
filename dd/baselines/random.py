"""Baseline: real images at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.baselines.baseline import Baseline

if TYPE_CHECKING:
    from torch import Tensor

    from dd.baselines.real_images import RealImages
    from dd.baselines.trial import BaselineTrial


def random_set(real: RealImages, draw: int) -> Tensor:
    """Set number `draw`: images of each class at random, without repeats, `[steps, n, C, H, W]`."""
    import torch

    from dd.runtime.seeds import generator

    rng = generator(real.seed, "random real", draw)
    chosen = []
    for label in range(real.classes):
        rows = real.of_class(label, real.per_class)
        order = torch.randperm(len(rows), generator=rng)
        chosen.append(real.prepared(rows[order[: real.per_class]], label, draw))
    return real.in_steps(chosen)


def random_sets(trial: BaselineTrial) -> list[Tensor]:
    """`draws` sets."""
    return [random_set(trial.real, draw) for draw in range(trial.settings.draws)]


BASELINE = Baseline(
    name="random",
    order=1,
    label="Random real",
    description="random images of each class",
    sets=random_sets,
    classifier="gradient descent",
    settings=("draws", "nets", "test_nets", "choose_on"),
    module=__name__,
)
