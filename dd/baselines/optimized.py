"""Baseline: the best of several sets of random real images (S-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.baselines.baseline import Baseline
from dd.baselines.random import random_set

if TYPE_CHECKING:
    from torch import Tensor

    from dd.baselines.real_images import RealImages
    from dd.baselines.trial import BaselineTrial, LabelledImages


IMAGES = 1024
"""Training images by which sets are chosen (S-1)."""


def optimized_sets(trial: BaselineTrial) -> list[Tensor]:
    """The `draws` best of `candidates` random sets.

    Raises:
        UserError: fewer candidates than draws.
    """
    trial.settings.check_candidates()
    draws, candidates = trial.settings.draws, trial.settings.candidates
    judged = images_to_choose_on(trial.real)
    sets, scores = [], []
    for draw in range(draws, draws + candidates):  # other draws than those of `random`
        images = random_set(trial.real, draw)
        sets.append(images)
        scores.append(_score(trial, images, judged))
        trial.on_progress()
    best = sorted(range(candidates), key=lambda number: scores[number], reverse=True)
    return [sets[number] for number in best[:draws]]


def images_to_choose_on(real: RealImages) -> LabelledImages:
    """Some of the images that sets are drawn from. An image can be both among these and in a set."""
    import torch

    from dd.baselines.trial import LabelledImages
    from dd.runtime.seeds import generator

    x, y = real.images.x, real.images.y
    order = torch.randperm(len(x), generator=generator(real.seed, "optimized"))
    return LabelledImages(x, y).rows(order[:IMAGES])


def _score(trial: BaselineTrial, images: Tensor, judged: LabelledImages) -> float:
    """Accuracy on `judged`, in percent, of a set in its best combination, on nets that no test uses."""
    import pandas as pd

    from dd.baselines.grid import best_combination, of_networks

    networks = of_networks(trial)
    rows = networks.try_all(images, judged, stream="optimized", nets=trial.settings.candidate_nets)
    return best_combination(pd.DataFrame(rows), networks.keys)["accuracy"]


BASELINE = Baseline(
    name="optimized",
    order=2,
    label="Optimized real",
    description="the best sets of several random ones (--candidates)",
    sets=optimized_sets,
    classifier="gradient descent",
    settings=("draws", "nets", "test_nets", "choose_on", "candidates", "candidate_nets"),
    module=__name__,
)
