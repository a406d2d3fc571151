"""K nearest neighbours on a few real images (Table 1)."""

from itertools import product

import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from dd.data.batches import normalise

METRICS = {"l1": "manhattan", "l2": "euclidean"}
NEIGHBOURS = (1, 3)

Judged = tuple[Tensor, Tensor]
"""Images uint8 `[n, C, H, W]` and labels `[n]`."""


def combinations() -> list[tuple[str, int]]:
    """Every (metric, K) that is tried."""
    return list(product(METRICS, NEIGHBOURS))


def knn_accuracy(
    images: Tensor, labels: Tensor, metric: str, neighbours: int, judged: Judged, mean: Tensor, std: Tensor
) -> float:
    """Percent of `judged` that the nearest of `images [n, C, H, W]` (normalised) with `labels [n]` classify rightly."""
    knn = KNeighborsClassifier(neighbours, metric=METRICS[metric], algorithm="brute")
    knn.fit(images.flatten(1).numpy(), labels.numpy())
    x, y = judged
    said = torch.from_numpy(knn.predict(normalise(x, mean, std).flatten(1).numpy()))
    return 100 * (said == y).float().mean().item()
