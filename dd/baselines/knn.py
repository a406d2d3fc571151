"""K nearest neighbours on a few real images (Table 1)."""

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from dd.baselines.trial import BaselineTrial, LabelledImages, summary
from dd.data.batches import normalise

METRICS = {"l1": "manhattan", "l2": "euclidean"}
"""scikit-learn's names of the metrics."""
NEIGHBOURS = (1, 3)
"""Numbers K of neighbours that are tried."""


class NearestNeighbours:
    """Classifies by the nearest images of a set, without a network."""

    keys: tuple[str, ...] = ("metric", "neighbours")
    only: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, trial: BaselineTrial) -> None:
        self.trial = trial

    def try_all(self, images: Tensor, judged: LabelledImages, *, stream: str, nets: int) -> list[dict[str, Any]]:
        """See `Classifier.try_all`; there are no nets, and K is at most the set's number of images."""
        del stream, nets
        rows = []
        for metric, neighbours in itertools.product(METRICS, NEIGHBOURS):
            if neighbours <= len(images.flatten(0, 1)):
                measured = self._measure(images, metric, neighbours, judged)
                rows.append({"metric": metric, "neighbours": neighbours} | measured)
        return rows

    def test(self, images: Tensor, combination: dict[str, Any]) -> dict[str, Any]:
        """The row of one combination, measured on the test images."""
        return self._measure(images, combination["metric"], combination["neighbours"], self.trial.test)

    def _measure(self, images: Tensor, metric: str, neighbours: int, judged: LabelledImages) -> dict[str, Any]:
        from sklearn.neighbors import KNeighborsClassifier

        distilled = self.trial.distilled
        knn = KNeighborsClassifier(neighbours, metric=METRICS[metric], algorithm="brute")
        knn.fit(images.flatten(0, 1).flatten(1).numpy(), self.trial.labels(images).flatten().numpy())
        pixels = normalise(judged.x, distilled.mean, distilled.std).flatten(1)
        predicted = torch.from_numpy(knn.predict(pixels.numpy()))
        accuracy = 100 * (predicted == judged.y).float().mean().item()
        return summary({"accuracy": torch.tensor([accuracy])})
