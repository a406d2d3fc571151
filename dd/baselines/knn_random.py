"""Baseline: K nearest neighbours among random real images (Table 1)."""

from dd.baselines.baseline import Baseline
from dd.baselines.random import random_sets

BASELINE = Baseline(
    name="knn_random",
    order=5,
    label="Random real, K-NN",
    description="no network: K nearest neighbours among random images",
    sets=random_sets,
    classifier="neighbours",
    settings=("draws", "choose_on"),
    module=__name__,
)
