"""Baseline: K nearest neighbours among centroids of k-means (Table 1)."""

from dd.baselines.baseline import Baseline
from dd.baselines.k_means import k_means_sets

BASELINE = Baseline(
    name="knn_k_means",
    order=6,
    label="k-means, K-NN",
    description="no network: K nearest neighbours among those centroids",
    sets=k_means_sets,
    classifier="neighbours",
    settings=("draws", "choose_on"),
    module=__name__,
)
