"""A user's own images: one subfolder for each class, or a table that lists the images."""

import logging
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from sklearn.model_selection import train_test_split

from dd.data.folder_listing import (
    LABELS_FILE,
    SUFFIXES,
    class_names,
    images_in_subfolders,
    images_in_table,
    split_folders,
)
from dd.data.prepared import Arrays
from dd.data.settings import TEST_FRACTION
from dd.runtime.errors import UserError, reason

FORMATS = sorted({kind for ending, kind in Image.registered_extensions().items() if ending in SUFFIXES})
"""What Pillow may take a file for, whatever its ending; its readers of other formats are not tried."""
LONGEST = 32
"""How many times as long as wide a picture may be: a longer one is cut to that before it is scaled, to save memory."""

logging.getLogger("PIL").addHandler(logging.NullHandler())  # it would write to the console what the errors here say


class FolderImages(NamedTuple):
    """A folder of images, read."""

    arrays: Arrays
    classes: list[str]
    files: dict[str, list[Path]]
    """The files of the images of `train` and `test`, in their order in the arrays."""


def image_folder(root: Path, size: int, gray: bool = False, test_fraction: float = TEST_FRACTION) -> FolderImages:
    """Read `root/<class>/*.png` and the like, or `root/{train,test}/<class>/...` where that split exists.

    If there is a `root/labels.csv`, it is used instead of the folders. It has a row for each image with the columns
    `file` (a path from `root`), `class` and `split` (train or test); other columns are not read.

    Each image is scaled so that its shorter side is `size` pixels, and cropped to the centre square; `gray` gives it
    one channel. If `root` has no split, `test_fraction` of every class is set aside to test, always the same images.

    Returns:
        The arrays, the class names in alphabetical order, and the files.

    Raises:
        UserError: no folder, no class, a class without images, a file that is not an image, splits that disagree, or a
            table with a row that is invalid or names a file outside `root`.
    """
    folders = split_folders(root)
    if (root / LABELS_FILE).exists():
        images, names = images_in_table(root)
    elif len(folders) == 2:
        names = class_names(root)
        images = {folder.name: images_in_subfolders(folder, names) for folder in folders}
    else:
        return _split(root, class_names(root), size, gray, test_fraction)
    x_train, y_train = _read(images["train"], names, size, gray)
    x_test, y_test = _read(images["test"], names, size, gray)
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return FolderImages(arrays, names, {split: [file for file, _ in listed] for split, listed in images.items()})


def _split(root: Path, names: list[str], size: int, gray: bool, test_fraction: float) -> FolderImages:
    """The images of a folder that is not split into training and test images."""
    images = images_in_subfolders(root, names)
    counts = Counter(name for _, name in images)
    alone = [name for name in names if counts[name] < 2]
    if alone:
        raise UserError(
            f"{root}: class {alone[0]} has a single image, but one of each class is set aside to test; add more"
        )
    x, y = _read(images, names, size, gray)
    try:
        x_train, x_test, y_train, y_test, train, test = train_test_split(
            x, y, [file for file, _ in images], test_size=test_fraction, random_state=0, stratify=y
        )
    except ValueError as error:
        raise UserError(f"{root}: cannot set test images aside ({error}); add images or make a split") from error
    untested = sorted(set(y) - set(y_test))
    if untested:
        name = names[untested[0]]
        raise UserError(
            f"{root}: class {name} has {counts[name]} images, none of which are left to test when {test_fraction:g} "
            "are set aside; add more, raise test_fraction or make a split"
        )
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return FolderImages(arrays, names, {"train": train, "test": test})


def _read(images: Sequence[tuple[Path, str]], names: list[str], size: int, gray: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `[N, size, size]` if `gray`, else `[N, size, size, 3]`, and labels `[N]`."""
    shape = (len(images), size, size)
    x = np.empty(shape if gray else (*shape, 3), np.uint8)
    for target, (file, _) in zip(x, images, strict=True):
        target[:] = square(_upright(read_image(file, file, gray)), size)
    return x, np.array([names.index(name) for _, name in images], np.uint8)


def _upright(image: Image.Image) -> Image.Image:
    """The image as viewers show it, turned as its EXIF data say."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF raises errors of any kind; viewers show such an image as it is
        return image


def read_image(file: Path | BinaryIO, where: Path | str, gray: bool = False) -> Image.Image:
    """An image in RGB, or in one channel if `gray`; transparent pixels become white. Error messages begin with `where`.

    Raises:
        UserError: the file is not an image of one of the `FORMATS`, is damaged or too large, or has more than 8 bits a
            pixel.
    """
    refused = f"{where}: cannot be read as an image"
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            return _opaque(image, where, "L" if gray else "RGB")
    except (UserError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        kinds = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise UserError(f"{refused}, as it is no {kinds}, or its beginning is damaged; remove or replace it") from error
    except Image.DecompressionBombError as error:
        sizes = str(error).partition(",")[0]  # then Pillow suspects an attack
        raise UserError(f"{refused} ({sizes}); make it smaller or cut it up") from error
    except Exception as error:  # damaged files raise errors of any kind
        told = getattr(error, "strerror", None) or reason(error) or type(error).__name__
        raise UserError(f"{refused} ({told}); remove or replace it") from error


def _opaque(image: Image.Image, where: Path | str, mode: str) -> Image.Image:
    """An opened image in `mode`, on white; see `read_image`."""
    if image.mode.startswith(("I", "F")):  # Pillow would clip values above 255
        raise UserError(f"{where}: has more than 8 bits a pixel; save it with 8")
    if not image.has_transparency_data:
        return image.convert(mode)
    on_white = Image.new("RGBA", image.size, "white")
    on_white.alpha_composite(image.convert("RGBA"))
    on_white.info = image.info  # the EXIF data say how to turn the image
    return on_white.convert(mode)


def square(image: Image.Image, size: int) -> np.ndarray:
    """The centre of an image whose shorter side is scaled to `size`: uint8 `[size, size]` or `[size, size, 3]`."""
    shorter = min(image.size)
    width, height = (min(side, LONGEST * shorter) for side in image.size)
    scale = size / shorter
    scaled = max(size, round(width * scale)), max(size, round(height * scale))
    image = image.resize(scaled, Image.Resampling.LANCZOS, box=_centre(image, width, height))
    return np.asarray(image.crop(_centre(image, size, size)))


def _centre(image: Image.Image, width: int, height: int) -> tuple[int, int, int, int]:
    """The left, upper, right and lower edge of the `width` x `height` pixels in the middle of an image."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return left, top, left + width, top + height
