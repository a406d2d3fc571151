"""The declaration of a baseline. To add a baseline, add a file with a `BASELINE` to this package."""

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
    """Sets of real images in place of a distilled set, and how they classify (Section 4, "Baselines")."""

    name: str
    """The name in commands, the config and files."""
    order: int
    """Its position in help and tables: smaller numbers come first."""
    label: str
    """The name of its row in a table."""
    description: str
    """One line for the help."""
    sets: Callable[[BaselineTrial], list[Tensor]]
    """Makes sets from `trial.real`, each of normalised images `[steps, n, C, H, W]` with classes in order. It makes
    `draws` sets, of as many images of each class as the distilled set has, if the baseline has that setting; else one
    set, of any number of them."""
    classifier: Literal["gradient descent", "neighbours"]
    """Networks trained on a set, or K nearest neighbours among its images."""
    settings: tuple[str, ...]
    """The fields of `BaselineSettings` that change its results."""
    module: str
    """The module that declares it. A change of that module makes its results again."""

    @property
    def gpu(self) -> bool:
        """Whether a GPU makes it faster."""
        return self.classifier == "gradient descent"

    def progress_steps(self, settings: BaselineSettings, *, tries: bool = True) -> int:
        """How often a measurement reports progress: once a candidate, and once a set when it is tested.

        If several combinations are tried (`tries`), also once a set when they are.
        """
        draws = settings.draws if "draws" in self.settings else 1
        candidates = settings.candidates if "candidates" in self.settings else 0
        return candidates + (2 * draws if tries else draws)
