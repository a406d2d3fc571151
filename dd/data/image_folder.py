"""A user's own images: one subfolder for each class, or a table that lists the images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps
from sklearn.model_selection import train_test_split

from dd.data.folder_listing import LABELS_FILE, class_names, images_in_subfolders, images_in_table, split_folders
from dd.data.prepared import Arrays
from dd.runtime.errors import UserError


def image_folder(root: Path, size: int, gray: bool = False, test_fraction: float = 0.2) -> tuple[Arrays, list[str]]:
    """Read `root/<class>/*.png` and the like, or `root/{train,test}/<class>/...` where that split exists.

    If there is a `root/labels.csv`, it is used instead of the folders. It has a row for each image with the columns
    `file` (a path from `root`), `class` and `split` (train or test); other columns are not read.

    Each image is scaled so that its shorter side is `size` pixels, and cropped to the centre square; `gray` gives it
    one channel. If `root` has no split, `test_fraction` of every class is set aside to test, always the same images.

    Returns:
        The arrays and the class names, in alphabetical order.

    Raises:
        UserError: no folder, no class, a class without images, a file that is not an image, splits that disagree, or a
            table with a row that is invalid or names a file outside `root`.
    """
    folders = split_folders(root)
    if (root / LABELS_FILE).exists():
        listed, names = images_in_table(root)
        x_train, y_train = _read(listed["train"], names, size, gray)
        x_test, y_test = _read(listed["test"], names, size, gray)
    elif len(folders) == 2:
        names = class_names(root)
        x_train, y_train = _read(images_in_subfolders(folders[0], names), names, size, gray)
        x_test, y_test = _read(images_in_subfolders(folders[1], names), names, size, gray)
    else:
        names = class_names(root)
        return _split(root, names, size, gray, test_fraction), names
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}, names


def _split(root: Path, names: list[str], size: int, gray: bool, test_fraction: float) -> Arrays:
    """The arrays of a folder that is not split into training and test images."""
    images = images_in_subfolders(root, names)
    counts = Counter(name for _, name in images)
    alone = [name for name in names if counts[name] < 2]
    if alone:
        raise UserError(
            f"{root}: class {alone[0]} has a single image, but one of each class is set aside to test; add more"
        )
    x, y = _read(images, names, size, gray)
    try:
        x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=test_fraction, random_state=0, stratify=y)
    except ValueError as error:
        raise UserError(f"{root}: cannot set test images aside ({error}); add images or make a split") from error
    untested = sorted(set(y) - set(y_test))
    if untested:
        name = names[untested[0]]
        raise UserError(
            f"{root}: class {name} has {counts[name]} images, none of which are left to test when {test_fraction:g} "
            "are set aside; add more, raise test_fraction or make a split"
        )
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


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
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF raises errors of any kind; viewers show such an image as it is
        return image


def read_image(file: Path | BinaryIO, where: Path | str, gray: bool = False) -> Image.Image:
    """An image in RGB, or in one channel if `gray`; transparent pixels become white. Error messages begin with `where`.

    Raises:
        UserError: the file is not an image, is damaged, or has more than 8 bits a pixel.
    """
    mode = "L" if gray else "RGB"
    try:
        with Image.open(file) as image:
            if image.mode.startswith(("I", "F")):  # Pillow would clip values above 255
                raise UserError(f"{where}: has more than 8 bits a pixel; save it with 8")
            if not image.has_transparency_data:
                return image.convert(mode)
            on_white = Image.new("RGBA", image.size, "white")
            on_white.alpha_composite(image.convert("RGBA"))
            on_white.info = image.info  # the EXIF data say how to turn the image
            return on_white.convert(mode)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{where}: cannot be read as an image; remove or replace it") from error


def square(image: Image.Image, size: int) -> np.ndarray:
    """The centre of an image whose shorter side is scaled to `size`: uint8 `[size, size]` or `[size, size, 3]`."""
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image.crop((left, top, left + size, top + size)))
