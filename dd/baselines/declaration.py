"""What a baseline says of itself; a file of this package with a `BASELINE` is all that a new one needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from dd.baselines.settings import BaselineSettings
    from dd.baselines.trial import BaselineTrial


@dataclass(frozen=True)
class Baseline:
    """Sets of real images in place of a distilled one, and what classifies by them (Section 4, "Baselines")."""

    name: str
    """In commands, the config and files."""
    order: int
    """Its place in help and tables, the lowest first."""
    label: str
    """Its row in a table."""
    description: str
    """One line of help."""
    sets: Callable[[BaselineTrial], list[Tensor]]
    """Makes its sets from `trial.real`: normalised images `[steps, n, C, H, W]` each, classes in order. They are
    `draws` if it has that setting, else one."""
    classifier: Literal["gradient descent", "neighbours"]
    """Networks trained on a set, or K nearest neighbours among its images."""
    settings: tuple[str, ...]
    """The fields of `BaselineSettings` that matter to it; others do not change its results."""
    module: str
    """Of the file that declares it, whose change makes its results anew."""

    @property
    def gpu(self) -> bool:
        """Whether a GPU makes it faster."""
        return self.classifier == "gradient descent"

    def progress_steps(self, settings: BaselineSettings) -> int:
        """How often a measurement reports progress: once a candidate, and for each set when it is tried and tested."""
        draws = settings.draws if "draws" in self.settings else 1
        candidates = settings.candidates if "candidates" in self.settings else 0
        return candidates + 2 * draws
