"""IDX, the file format of MNIST and Fashion-MNIST."""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dd.data.mirror import array_digest
from dd.data.prepared import Arrays
from dd.runtime.errors import UserError, reason

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
"""The file of each array. The names are the same for both datasets."""


def find_idx_files(mirror: Path, folder: str) -> Path | None:
    """The folder with the four files: `mirror/folder`, or `mirror` itself; None if neither has all of them.

    The mirror may be /usr/share/datasets, where Debian's package dataset-fashion-mnist puts its files.
    """
    for place in (mirror / folder, mirror):
        if all((place / file).exists() for file in IDX_FILES.values()):
            return place
    return None


def read_idx_files(place: Path, name: str, official: Mapping[str, str]) -> Arrays:
    """The arrays of the dataset `name` from its four files in the folder `place`.

    The SHA-256 of each array, rather than of each file, is compared with the `official` one, because Debian compresses
    the files again.

    Raises:
        UserError: a file is cut off, or its contents are not the official ones.
    """
    arrays = {}
    for key, file in IDX_FILES.items():
        arrays[key] = _read(place / file)
        if array_digest(arrays[key]) != official[key]:
            raise UserError(
                f"{place / file}: its contents are not those of {name}; copy the file again. MNIST's and "
                "Fashion-MNIST's files have the same names: put them into folders mnist and fashion-mnist"
            )
    return arrays


def _read(path: Path) -> np.ndarray:
    """An array in IDX format: three bytes for uint8, the number of dimensions, each dimension in four bytes, values."""
    try:
        with gzip.open(path) as file:
            content = file.read()
        dimensions = content[3]
        shape = np.frombuffer(content, ">i4", dimensions, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, zlib.error, ValueError, IndexError) as error:
        raise UserError(f"{path}: cut off or not in IDX format ({reason(error)}); copy the file again") from error
