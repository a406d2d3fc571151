"""Photos of ten kinds of birds from CUB-200 of 2010, the forerunner of CUB-200-2011."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dd.data.datasets.cub200 import readable
from dd.data.named_dataset import NamedDataset

if TYPE_CHECKING:
    from dd.data.prepared import Arrays


def birds10(folder: Path, *, size: int) -> tuple[Arrays, list[str]]:
    """Read the folder `cub10` of a mirror: photos with a `labels.csv`, scaled and cropped by `image_folder`.

    Returns:
        The arrays, images `[N, size, size, 3]`, and the class names.

    Raises:
        UserError: the folder cannot be read.
    """
    from dd.data.image_folder import image_folder

    arrays, names, _ = image_folder(folder, size)
    return arrays, [readable(name) for name in names]


DATASET = NamedDataset(
    name="birds10",
    description="ten of the birds of CUB-200 of 2010; only from a mirror",
    training_images=120,
    licence="that of CUB-200: for non-commercial research and education",
    channels=3,
    size=224,
    classes=10,
    scaled=True,
    mirror_folder="cub10",
    reader=birds10,
    fidelity="ten classes of the 2010 release, in an unofficial split",
    modules=(
        __name__,
        "dd.data.datasets.cub200",
        "dd.data.mirror",
        "dd.data.image_folder",
        "dd.data.folder_listing",
    ),
    order=9,
)
