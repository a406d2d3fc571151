"""A user's own images: one subfolder a class, or a table of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps
from sklearn.model_selection import train_test_split

from dd.data.folder_listing import TABLE, class_names, found, listed, split_folders
from dd.data.prepared import Arrays
from dd.runtime.errors import UserError


def image_folder(root: Path, size: int, gray: bool = False, test_fraction: float = 0.2) -> tuple[Arrays, list[str]]:
    """Read `root/<class>/*.png` and the like, or `root/{train,test}/<class>/...` where that split exists.

    Where there is a `root/labels.csv`, it says everything instead: a row an image, the columns `file` (from `root`),
    `class` and `split` (train or test); more columns are passed over.

    Each image is scaled so that its shorter side is `size` and cut to the centre square. Without a split of its own,
    `test_fraction` of every class is set aside, the same images each time.

    Returns:
        The arrays and the class names, in alphabetical order.

    Raises:
        UserError: no folder, no class, a class without images, a file that is no image, splits that disagree, a table
            with a row that cannot be read or names a file outside `root`.
    """
    table, folders = (root / TABLE).exists(), split_folders(root)
    files, names = listed(root) if table else ({}, class_names(root))
    if table:
        train, test = (_read(files[split], names, size, gray) for split in ("train", "test"))
    elif len(folders) == 2:
        train, test = (_read(found(folder, names), names, size, gray) for folder in folders)
    else:
        files = found(root, names)
        counts = Counter(name for _, name in files)
        if alone := [name for name in names if counts[name] < 2]:
            raise UserError(
                f"{root}: class {alone[0]} has a single image, and one of each is set aside to test; add more"
            )
        x, y = _read(files, names, size, gray)
        try:
            x_train, x_test, y_train, y_test = train_test_split(
                x, y, test_size=test_fraction, random_state=0, stratify=y
            )
        except ValueError as error:
            raise UserError(f"{root}: cannot set test images aside ({error}); add images or make a split") from error
        for label in sorted(set(y) - set(y_test)):
            raise UserError(
                f"{root}: class {names[label]} has {counts[names[label]]} images, none of which are left to test when "
                f"{test_fraction:g} are set aside; add more, raise test_fraction or make a split"
            )
        train, test = (x_train, y_train), (x_test, y_test)
    return {"x_train": train[0], "y_train": train[1], "x_test": test[0], "y_test": test[1]}, names


def _read(images: Sequence[tuple[Path, str]], names: list[str], size: int, gray: bool) -> tuple[np.ndarray, np.ndarray]:
    x = np.empty((len(images), size, size) + (3,) * (not gray), np.uint8)
    for target, (file, _) in zip(x, images, strict=True):
        target[:] = square(_upright(read_image(file, file, gray)), size)
    return x, np.array([names.index(name) for _, name in images], np.uint8)


def _upright(image: Image.Image) -> Image.Image:
    """As viewers show it, by what EXIF says of the camera."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF raises anything, and viewers pass it over too
        return image


def read_image(file: Path | BinaryIO, where: Path | str, gray: bool = False) -> Image.Image:
    """A picture in RGB, or one channel; what is transparent is white.

    Raises:
        UserError: naming `where`, that this is no image, not a whole one, or one of more than 8 bits.
    """
    try:
        with Image.open(file) as image:
            if image.mode.startswith(("I", "F")):  # PIL would cut off what is above 255
                raise UserError(f"{where}: has more than 8 bits a pixel; save it with 8")
            if image.has_transparency_data:
                seen = Image.new("RGBA", image.size, "white")
                seen.alpha_composite(image.convert("RGBA"))
                seen.info, image = image.info, seen  # with how to turn it
            return image.convert("L" if gray else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{where}: cannot be read as an image; remove or replace it") from error


def square(image: Image.Image, size: int) -> np.ndarray:
    """The centre of an image whose shorter side is scaled to `size`: uint8 `[size, size]` or `[size, size, 3]`."""
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image.crop((left, top, left + size, top + size)))
