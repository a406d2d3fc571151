"""What a way of adapting says of itself; a file of this package with an `ADAPTATION` is all that a new one needs."""

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
    """Has the architecture and the normalisation."""
    dataset: Dataset
    """The target: the data of the distilled set."""
    source: Dataset | None
    """What the networks were trained on before; given where `Adaptation.needs_source`."""
    progress: Callable[..., tqdm]
    """Makes the bar, given how many steps there are."""


@dataclass(frozen=True)
class Adaptation:
    """A way of adapting pre-trained networks without distilled images (Tables 2 and 3)."""

    name: str
    """In commands, the config and files."""
    order: int
    """Its place in help and tables, the lowest first."""
    label: str
    """Its row in a table."""
    description: str
    """One line of help."""
    adapt: Callable[[AdaptationTask, Tensor, TrainConfig], Tensor]
    """From initial weights `[nets, P]`, on the device to compute on, to adapted ones."""
    needs_source: bool
    """Whether it needs the images that the networks were trained on before."""
    settings: tuple[str, ...]
    """The fields of `TrainConfig` that it takes; others are refused."""
    module: str
    """Of the file that declares it, whose change makes its results anew."""
