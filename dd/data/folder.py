"""A user's own images: one subfolder a class."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from sklearn.model_selection import train_test_split

from dd.data.dataset import Arrays
from dd.runtime.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}


def image_folder(root: Path, size: int, gray: bool = False, test_fraction: float = 0.2) -> tuple[Arrays, list[str]]:
    """Read `root/<class>/*.png` and the like, or `root/{train,test}/<class>/...` where that split exists.

    Each image is scaled so that its shorter side is `size` and cut to the centre square. Without a split of its own,
    `test_fraction` of every class is set aside, the same images each time.

    Returns:
        The arrays and the class names, in alphabetical order.

    Raises:
        UserError: no folder, no class, a class without images, a file that is no image, splits that disagree.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    if (root / "train").is_dir() and (root / "test").is_dir():
        (x_train, y_train, names), (x_test, y_test, others) = (
            _read(root / split, size, gray) for split in ("train", "test")
        )
        if names != others:
            raise UserError(f"{root}: train has the classes {names} and test has {others}; they must be the same")
    else:
        x, y, names = _read(root, size, gray)
        try:
            x_train, x_test, y_train, y_test = train_test_split(
                x, y, test_size=test_fraction, random_state=0, stratify=y
            )
        except ValueError as error:
            raise UserError(f"{root}: cannot set test images aside ({error}); add images or make a split") from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}, names


def _read(root: Path, size: int, gray: bool) -> tuple[np.ndarray, np.ndarray, list[str]]:
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(names) < 2:
        raise UserError(f"{root}: needs one subfolder for each of at least two classes, and has {len(names)}")
    if len(names) > 256:
        raise UserError(f"{root}: {len(names)} classes; labels are stored in 8 bits, so at most 256")
    images, labels = [], []
    for label, name in enumerate(names):
        files = sorted(p for p in (root / name).rglob("*") if p.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{root / name}: no images in this class; add some or remove the folder")
        images += [_square(file, size, gray) for file in files]
        labels += [label] * len(files)
    return np.stack(images), np.array(labels, np.uint8), names


def _square(file: Path, size: int, gray: bool) -> np.ndarray:
    try:
        with Image.open(file) as image:
            image = image.convert("L" if gray else "RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"{file}: cannot be read as an image; remove or replace it") from error
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image.crop((left, top, left + size, top + size)))
