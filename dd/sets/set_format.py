"""The declaration of a format of another program. To add one, add a file with a `FORMAT` to `dd.sets.formats`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from dd.distill.distilled_set import DistilledSet
    from dd.sets.foreign import ForeignFile


@dataclass(frozen=True)
class Asked:
    """What a file does not say by itself, and users do."""

    experiment: int | None = None
    """Which of several sets in one file, counted from 0."""
    factor: int | None = None
    """How many images, a side, are packed in one."""
    labels: Path | None = None
    """The file of the labels, if it is another one and not found by its name."""


@dataclass(frozen=True)
class RawSet:
    """What a file holds, before it is checked and normalised."""

    images: Any
    """Tensor or array `[N, C, H, W]`, or `[steps, n, C, H, W]` if the order matters."""
    labels: Any
    """`[N]` or `[steps, n]`, or with a last axis of classes."""
    labels_are: Literal["classes", "probabilities", "logits", "targets"] = "classes"
    """Targets are real numbers that a network's outputs are to be near in squared error."""
    lrs: Tensor | None = None
    """`[epochs, steps]`, if each step has a rate of its own."""
    lr: float | None = None
    """One learned rate for all steps of training, however many."""
    accuracies: dict[str, dict[str, float]] = field(default_factory=dict)
    """What the file says of its sets: by network, `accuracy` and `accuracy_std` in percent, and `nets`."""
    others: tuple[Path, ...] = ()
    """Other files that were read."""
    class_names: list[str] | None = None
    """What the numbers of classes mean, if the file says it."""
    told: str = ""
    """What a user should know of it, in one line."""


@dataclass(frozen=True)
class SetFormat:
    """How another program keeps distilled sets."""

    name: str
    """The name in commands and files."""
    order: int
    """Its position in help, and in which formats are tried: smaller numbers come first."""
    description: str
    """One line for the help."""
    recognises: Callable[[ForeignFile, Asked], bool]
    """Whether a file is of this format and, by its content, of no other."""
    read: Callable[[ForeignFile, Asked], RawSet | DistilledSet]
    """Raises `UserError` if the file is not of this format."""
    normalisation: str | None
    """How all files of the format have their images normalised, by a name of `dd.sets.pixels`; None if it varies."""
    options: tuple[str, ...] = ()
    """The fields of `Asked` that it uses."""
    write: Callable[[DistilledSet, Path], None] | None = None
    """Writes a set, if there is a way."""
