"""Tries a baseline in every combination, for example of learning rate and epochs, and tests the best (Section 4)."""

from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd
from torch import Tensor

from dd.baselines.baseline import Baseline
from dd.baselines.gradient_descent import GradientDescent
from dd.baselines.knn import NearestNeighbours
from dd.baselines.trial import BaselineTrial


class Classifier(Protocol):
    """Classifies images by means of the images of a set."""

    keys: tuple[str, ...]
    """The columns of a row that make up its combination."""

    def __init__(self, trial: BaselineTrial) -> None: ...

    def try_all(self, images: Tensor) -> list[dict[str, Any]]:
        """One row for each combination, measured on the images that choose the best one."""

    def test(self, images: Tensor, combination: dict[str, Any]) -> dict[str, Any]:
        """The row of one combination, measured on the test images."""


CLASSIFIERS: dict[str, type[Classifier]] = {"gradient descent": GradientDescent, "neighbours": NearestNeighbours}
"""The classifiers, by the values of `Baseline.classifier`."""
MISLED = 10.0
"""Percent of the attack class that a baseline of poisoning must mislead."""


def measure(baseline: Baseline, trial: BaselineTrial) -> pd.DataFrame:
    """Try a baseline in every combination, and test the best one.

    Returns:
        One row for each set, combination and stage: kind (`baseline`), the columns of `DistilledSet.setting`, baseline,
        draw, the combination (`lr` and `epochs`, or `metric` and `neighbours`), stage (`choice`, or `test` for the best
        combination), images, chosen_on, augment, accuracy (mean over nets, %), accuracy_std (over nets), nets, and for
        poisoning the same for misled and others.

    Raises:
        UserError: too few images of a class, or too few candidates.
    """
    classifier = CLASSIFIERS[baseline.classifier](trial)
    sets = baseline.sets(trial)
    rows = []
    for draw, images in enumerate(sets):
        choice = {"draw": draw, "stage": "choice", "images": len(trial.choice.x)}
        rows += [choice | row for row in classifier.try_all(images)]
        trial.on_progress()
    best = best_combination(pd.DataFrame(rows), classifier.keys)
    combination = {key: best[key] for key in classifier.keys}
    for draw, images in enumerate(sets):
        test = {"draw": draw, "stage": "test", "images": len(trial.test.x)} | combination
        rows.append(test | classifier.test(images, combination))
        trial.on_progress()
    common = _setting(baseline, trial)
    return pd.DataFrame([common | row for row in rows])


def best_combination(tried: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """The values of `keys` with the highest mean accuracy over sets, and the means of all measurements for them.

    For poisoning, only combinations that mislead at least 10 % of the attack class count. Without this rule, rates too
    low to change anything would win (Section 4.2). If no combination misleads that many, the one that misleads most
    wins.
    """
    mean = tried.groupby(list(keys), sort=False, as_index=False).mean(numeric_only=True)
    if "misled" in mean:
        mean = mean[mean["misled"] >= min(MISLED, mean["misled"].max())]
    return mean.sort_values("accuracy", ascending=False, kind="stable").iloc[0]  # the first of equal ones


def _setting(baseline: Baseline, trial: BaselineTrial) -> dict[str, Any]:
    """The columns that are the same in all rows."""
    setting = {"kind": "baseline"} | trial.distilled.setting()
    del setting["epochs"]  # the epochs of the set; a combination has its own
    return setting | {
        "dataset": trial.dataset.name,
        "baseline": baseline.name,
        "chosen_on": trial.settings.choose_on,
        "augment": trial.dataset.augmentation != "none",
    }
