"""Baseline: centroids of k-means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.baselines.baseline import Baseline

if TYPE_CHECKING:
    from torch import Tensor

    from dd.baselines.real_images import RealImages
    from dd.baselines.trial import BaselineTrial


def k_means_set(real: RealImages, draw: int) -> Tensor:
    """Set number `draw`: centroids of each class, as many as it has distilled images, `[steps, n, C, H, W]`.

    Each draw starts from its own k-means++ seeding.
    """
    import torch
    from sklearn.cluster import KMeans

    centroids = []
    for label in range(real.classes):
        images = real.prepared(real.of_class(label, real.per_class), label, draw)
        clustering = KMeans(real.per_class, n_init=1, random_state=real.seed_of("k-means", draw))
        fitted = clustering.fit(images.flatten(1).numpy())
        centroids.append(torch.from_numpy(fitted.cluster_centers_).float().view(-1, *images.shape[1:]))
    return real.in_steps(centroids)


def k_means_sets(trial: BaselineTrial) -> list[Tensor]:
    """`draws` sets."""
    return [k_means_set(trial.real, draw) for draw in range(trial.settings.draws)]


BASELINE = Baseline(
    name="k_means",
    order=3,
    label="k-means",
    description="centroids of k-means in each class",
    sets=k_means_sets,
    classifier="gradient descent",
    settings=("draws", "nets", "test_nets", "choose_on"),
    module=__name__,
)
