"""The declaration of a way of adapting. To add a way, add a file with an `ADAPTATION` to this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from tqdm import tqdm

    from dd.data.prepared import Dataset
    from dd.distill.distilled_set import DistilledSet
    from dd.pools.settings import TrainConfig


@dataclass(frozen=True)
class AdaptationTask:
    """What networks are adapted to, in place of training them on a distilled set."""

    distilled: DistilledSet
    """The set, which gives the architecture and the normalisation."""
    dataset: Dataset
    """The target: the data of the distilled set."""
    source: Dataset | None
    """The data that the networks were pre-trained on; given if `Adaptation.needs_source`."""
    progress: Callable[..., tqdm]
    """Makes the bar from the number of steps."""


@dataclass(frozen=True)
class Adaptation:
    """A way of adapting pre-trained networks without distilled images (Tables 2 and 3)."""

    name: str
    """The name in commands, the config and files."""
    order: int
    """Its position in help and tables: smaller numbers come first."""
    label: str
    """The name of its row in a table."""
    description: str
    """One line for the help."""
    adapt: Callable[[AdaptationTask, Tensor, TrainConfig], Tensor]
    """Takes the task, initial weights `[nets, P]` on the device to compute on, settings; returns adapted weights."""
    needs_source: bool
    """Whether it needs the images that the networks were pre-trained on."""
    settings: tuple[str, ...]
    """The fields of `TrainConfig` that it takes; others are refused."""
    module: str
    """The module that declares it. A change of that module makes its results again."""
