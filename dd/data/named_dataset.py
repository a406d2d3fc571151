"""What a file in `dd/data/datasets` declares of a dataset that is known by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dd.data.prepared import Arrays

DIGIT_NAMES = tuple("0123456789")
"""The class names of the datasets of digits."""


@dataclass(frozen=True, kw_only=True)
class NamedDataset:
    """A dataset known by name, and where its images come from.

    A mirror is asked first for `<name>.npz` and for files in IDX format. Else the images come from the official `files`
    through the `reader`, from `torchvision`, from the mirror's folder `mirror_folder`, or from the `reader` alone.
    """

    name: str
    description: str
    """What it is, in one line of help."""
    channels: int
    """1 is gray, 3 is RGB."""
    size: int
    """Pixels a side; where images are `scaled`, what they are scaled to by default."""
    classes: tuple[str, ...] | int
    """The class names, or how many there are where the official files hold the names."""
    scaled: bool = False
    """Whether images are scaled as they are prepared. The others have one size, and a mirror may have them as
    `<name>.npz`.
    """
    files: Mapping[str, str] = field(default_factory=dict)
    """The MD5 of every official file, by its address."""
    reader: Callable[..., tuple[Arrays, list[str]]] | None = None
    """Makes the arrays and the class names from the paths of `files`, from the path of `mirror_folder`, or from
    nothing. Where images are `scaled`, it takes `size=`.
    """
    torchvision: str = ""
    """The class of `torchvision.datasets` that downloads and reads the official files, in place of a `reader`."""
    idx_folder: str = ""
    """The folder in a mirror that may hold the official files in IDX format."""
    mirror_folder: str = ""
    """The folder in a mirror that must hold the images and their labels.csv, where they cannot be downloaded."""
    array_digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the bytes of official arrays, as far as they are known: a mirror's arrays are compared with them."""
    source: str = ""
    """Where the images come from, for the metadata, where the `reader` gets no files."""
    fidelity: str = "as its source gives it"
    """How near the images are to the official ones, for the metadata."""
    modules: tuple[str, ...] = ()
    """The modules whose change makes the workflow prepare it again, besides those that prepare every dataset."""
    order: int = 100
    """Where it stands in the help: smaller numbers come first."""

    def __post_init__(self) -> None:
        if bool(self.torchvision) == bool(self.reader):
            raise ValueError(f"dataset {self.name}: give it either a reader or a class of torchvision")
        if self.torchvision and not self.class_names:
            raise ValueError(f"dataset {self.name}: torchvision does not tell its class names; give them")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names; none where the official files hold them."""
        return () if isinstance(self.classes, int) else self.classes

    @property
    def class_count(self) -> int:
        """How many classes it has."""
        return self.classes if isinstance(self.classes, int) else len(self.classes)
