"""What distilled images are compared with: real images in their place, and nearest neighbours (Section 4, S-1)."""

from typing import NamedTuple


class Baseline(NamedTuple):
    """A baseline."""

    label: str


BASELINES = {
    "random": Baseline("Random real"),
    "optimized": Baseline("Optimized real"),
    "k_means": Baseline("k-means"),
    "average": Baseline("Average real"),
    "knn_random": Baseline("Random real, K-NN"),
    "knn_k_means": Baseline("k-means, K-NN"),
}
