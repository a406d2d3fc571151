"""The declaration of a dataset known by name. Each file in `dd/data/datasets` makes one."""

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

    A mirror is searched first for `<name>.npz` and for files in IDX format. If it has neither, the images come from the
    official `files` through the `reader`, from `torchvision`, from the mirror's `mirror_folder`, or from the `reader`
    alone.
    """

    name: str
    description: str
    """What it is, in one line of help."""
    channels: int
    """1 is gray, 3 is RGB."""
    size: int
    """Pixels a side. If images are `scaled`, this is the default size."""
    classes: tuple[str, ...] | int
    """The class names, or the number of classes if the official files hold the names."""
    scaled: bool = False
    """Whether images are scaled when they are prepared. If not, they have one size, and a mirror can have them as
    `<name>.npz`.
    """
    files: Mapping[str, str] = field(default_factory=dict)
    """The MD5 of every official file, by its address."""
    reader: Callable[..., tuple[Arrays, list[str]]] | None = None
    """Makes the arrays and the class names from the paths of `files`, from the path of `mirror_folder`, or from
    nothing. If images are `scaled`, it takes `size=`.
    """
    torchvision: str = ""
    """The class of `torchvision.datasets` that downloads and reads the official files, in place of a `reader`."""
    idx_folder: str = ""
    """The folder in a mirror that can hold the official files in IDX format."""
    mirror_folder: str = ""
    """If the images cannot be downloaded: the folder in a mirror that must hold them and their labels.csv."""
    array_digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the bytes of official arrays, as far as it is known. A mirror's arrays are compared with it."""
    source: str = ""
    """Where the images come from, for the metadata, if the `reader` gets no files."""
    own_normalisation: bool = False
    """Whether its images are always normalised by its own mean and standard deviation, never by those of a file of
    weights.
    """
    augmentation: str = "none"
    """How the authors change its images at random when they train on them: a name of
    `dd.data.augmentation.AUGMENTATIONS`.
    """
    training_images: int = 60_000
    """How many it has, about: for the time that jobs ask a cluster for."""
    licence: str = ""
    """Under which licence or terms its images may be used, as far as its authors say."""
    fidelity: str = "as its source gives it"
    """How near the images are to the official ones, for the metadata."""
    modules: tuple[str, ...] = ()
    """The modules that make the workflow prepare this dataset again when they change, besides those of all datasets."""
    order: int = 100
    """Its position in the help: smaller numbers come first."""

    def __post_init__(self) -> None:
        if bool(self.torchvision) == bool(self.reader):
            raise ValueError(f"dataset {self.name}: give it either a reader or a class of torchvision")
        if self.torchvision and not self.class_names:
            raise ValueError(f"dataset {self.name}: torchvision does not give its class names; name them in `classes`")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names; empty if the official files hold them."""
        return () if isinstance(self.classes, int) else self.classes

    @property
    def class_count(self) -> int:
        """How many classes it has."""
        return self.classes if isinstance(self.classes, int) else len(self.classes)
