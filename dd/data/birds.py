"""Photos of birds: ten classes from a mirror folder."""

import re
from pathlib import Path

from dd.data.dataset import Arrays
from dd.data.folder import TABLE, image_folder
from dd.runtime.errors import UserError


def birds10(mirror: Path | None, size: int = 224) -> tuple[Arrays, list[str]]:
    """The folder `cub10` of a mirror: photos of ten kinds of birds with a `labels.csv` (see `image_folder`).

    Returns:
        The arrays, images `[N, size, size, 3]`, and the class names.

    Raises:
        UserError: no such folder, or one that cannot be read.
    """
    if not mirror or not (mirror / "cub10" / TABLE).exists():
        raise UserError(
            f"birds10: cannot be downloaded; put a folder cub10 of images with a {TABLE} into a folder and name that "
            "folder in data.mirror (--mirror)"
        )
    arrays, names = image_folder(mirror / "cub10", size)
    return arrays, [readable(name) for name in names]


def readable(name: str) -> str:
    """`001.Black_footed_Albatross` as `Black footed Albatross`."""
    return re.sub(r"^\d+\.", "", name).replace("_", " ")
