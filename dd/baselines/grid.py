"""Tries a baseline in every combination, for example of learning rate and epochs, and tests the best (Section 4)."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd
from torch import Tensor

from dd.baselines.baseline import Baseline
from dd.baselines.gradient_descent import GradientDescent
from dd.baselines.knn import NearestNeighbours
from dd.baselines.trial import BaselineTrial, LabelledImages


class Classifier(Protocol):
    """Classifies images by means of the images of a set."""

    keys: tuple[str, ...]
    """The columns of a row that make up its combination."""
    only: Mapping[str, Any]
    """The combination where there is one alone, so that none is tried; else empty."""

    def __init__(self, trial: BaselineTrial) -> None: ...

    def try_all(self, images: Tensor, judged: LabelledImages, *, stream: str, nets: int) -> list[dict[str, Any]]:
        """One row for each combination, measured on the images `judged`.

        Args:
            images: the images of the set, `[steps, n, C, H, W]`.
            judged: the images that are classified.
            stream: the stream of the nets' initial weights.
            nets: number of nets, at most as many as the stream has.
        """

    def test(self, images: Tensor, combination: dict[str, Any]) -> dict[str, Any]:
        """The row of one combination, measured on the test images."""


MISLED = 10.0
"""Percent of the attack class that a baseline of poisoning must mislead."""
NOTHING = "nothing"
"""What the combination is chosen on where there is one alone."""


def measure(baseline: Baseline, trial: BaselineTrial) -> pd.DataFrame:
    """Try a baseline in every combination, and test the best one.

    Returns:
        One row for each set, combination and stage: kind (`baseline`), the columns of `DistilledSet.setting`, baseline,
        draw, the combination (`lr` and `epochs`, or `metric` and `neighbours`, or `protocol`), stage (`choice`, or
        `test` for the best combination), images, chosen_on, augment, accuracy (mean over nets, %), accuracy_std (over
        nets), nets, and for poisoning the same for those of `POISONING`.

    Raises:
        UserError: too few images of a class, or too few candidates.
    """
    classifier: Classifier = NearestNeighbours(trial) if baseline.classifier == "neighbours" else of_networks(trial)
    sets = baseline.sets(trial)
    rows: list[dict[str, Any]] = []
    combination = dict(classifier.only)
    if not combination:
        rows = _tried(classifier, sets, trial)
        best = best_combination(pd.DataFrame(rows), classifier.keys)
        combination = {key: best[key] for key in classifier.keys}
    for draw, images in enumerate(sets):
        test = {"draw": draw, "stage": "test", "images": len(trial.test.x)} | combination
        rows.append(test | classifier.test(images, combination))
        trial.on_progress()
    common = _setting(baseline, trial, only=bool(classifier.only))
    return pd.DataFrame([common | row for row in rows])


def of_networks(trial: BaselineTrial) -> Classifier:
    """What trains networks on a set: that of the trial, or by default GD steps in every combination."""
    return trial.networks(trial) if trial.networks else GradientDescent(trial)


def _tried(classifier: Classifier, sets: list[Tensor], trial: BaselineTrial) -> list[dict[str, Any]]:
    """One row for each set and combination, measured on the images that choose the best combination."""
    rows = []
    for draw, images in enumerate(sets):
        choice = {"draw": draw, "stage": "choice", "images": len(trial.choice.x)}
        tried = classifier.try_all(images, trial.choice, stream=trial.choice_stream, nets=trial.settings.nets)
        rows += [choice | row for row in tried]
        trial.on_progress()
    return rows


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


def _setting(baseline: Baseline, trial: BaselineTrial, *, only: bool) -> dict[str, Any]:
    """The columns that are the same in all rows; `only` says whether there was nothing to choose."""
    setting = {"kind": "baseline"} | trial.distilled.setting()
    del setting["epochs"]  # the epochs of the set; a combination has its own
    return setting | {
        "dataset": trial.dataset.name,
        "baseline": baseline.name,
        "chosen_on": NOTHING if only else trial.settings.choose_on,
        "augment": trial.dataset.augmentation != "none",
    }
