"""What distilled images are compared with: real images in their place, and neighbours (Section 4, S-1)."""

from typing import NamedTuple


class Baseline(NamedTuple):
    """Real images in place of distilled ones."""

    name: str
    settings: tuple[str, ...]
    """The fields of `dd.baselines.settings.BaselineSettings` that matter to it."""
    gpu: bool = True
    module: str = "dd.baselines.real_images"
    """Of the file that makes it, whose change makes its results anew."""


_COMMON = ("draws", "nets", "test_nets", "choose_on")
BASELINES = {
    baseline.name: baseline
    for baseline in (
        Baseline("random", (*_COMMON, "augment")),
        Baseline("optimized", (*_COMMON, "candidates", "candidate_nets", "augment")),
        Baseline("k_means", _COMMON),
        Baseline("average", ("nets", "test_nets", "choose_on", "augment")),
        Baseline("knn_random", ("draws", "choose_on", "augment"), gpu=False),
        Baseline("knn_k_means", ("draws", "choose_on"), gpu=False),
    )
}
"""Baselines by name."""
