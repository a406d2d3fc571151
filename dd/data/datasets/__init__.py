"""Datasets known by name, one file each."""

from typing import NamedTuple


class NamedDataset(NamedTuple):
    """A dataset known by name."""

    name: str
    channels: int
    size: int
    """Pixels a side."""
    classes: int | tuple[str, ...]
    """Names of the classes, or how many there are."""
    modules: tuple[str, ...]
    """The modules whose change prepares it anew."""


_OFFICIAL = ("dd.data.sources", "dd.data.official_files")
DATASETS = {
    dataset.name: dataset
    for dataset in (
        NamedDataset("mnist", 1, 28, 10, _OFFICIAL),
        NamedDataset("fashion_mnist", 1, 28, 10, _OFFICIAL),
        NamedDataset("usps", 1, 16, 10, _OFFICIAL),
        NamedDataset("svhn", 3, 32, 10, (*_OFFICIAL, "dd.data.datasets.svhn")),
        NamedDataset("cifar10", 3, 32, 10, _OFFICIAL),
        NamedDataset("digits", 1, 28, 10, ("dd.data.datasets.digits",)),
        NamedDataset(
            *("voc2007", 3, 224, 20),
            ("dd.data.official_files", "dd.data.datasets.voc2007", "dd.data.image_folder"),
        ),
        NamedDataset(
            *("cub200", 3, 224, 200),
            ("dd.data.official_files", "dd.data.datasets.birds", "dd.data.image_folder"),
        ),
        NamedDataset(
            *("birds10", 3, 224, 10),
            ("dd.data.datasets.birds", "dd.data.image_folder", "dd.data.folder_listing"),
        ),
    )
}
"""Datasets by name."""
