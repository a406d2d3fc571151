"""A user's own images: one subfolder a class, or a table of them."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from sklearn.model_selection import train_test_split

from dd.data.dataset import Arrays
from dd.runtime.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
TABLE = "labels.csv"
COLUMNS = ("file", "class", "split")
SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


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
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    if (root / TABLE).exists():
        files, names = _listed(root)
        train, test = (_read(files[split], names, size, gray) for split in ("train", "test"))
    elif (root / "train").is_dir() and (root / "test").is_dir():
        (files, names), (test_files, others) = (_found(root / split) for split in ("train", "test"))
        if names != others:
            raise UserError(f"{root}: train has the classes {names} and test has {others}; they must be the same")
        train, test = _read(files, names, size, gray), _read(test_files, names, size, gray)
    else:
        files, names = _found(root)
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
        train, test = (x_train, y_train), (x_test, y_test)
    return {"x_train": train[0], "y_train": train[1], "x_test": test[0], "y_test": test[1]}, names


def _found(root: Path) -> tuple[list[tuple[Path, str]], list[str]]:
    """The images in the subfolders of `root` with their classes, and the names of all classes."""
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if names and SPLITS.issuperset(map(str.lower, names)):
        raise UserError(f"{root}: {', '.join(names)} look like splits, not classes; call two of them train and test")
    _check_number(names, root, "needs one subfolder for each")
    images = []
    for name in names:
        files = sorted(p for p in (root / name).rglob("*") if p.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{root / name}: no images in this class; add some or remove the folder")
        images += [(file, name) for file in files]
    return images, names


def _listed(root: Path) -> tuple[dict[str, list[tuple[Path, str]]], list[str]]:
    """The images of each split in the table with their classes, and the names of all classes."""
    table = root / TABLE
    images = {"train": [], "test": []}
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := [column for column in COLUMNS if column not in (rows.fieldnames or [])]:
                raise UserError(f"{table}: the first row lacks {missing[0]}; it must name {', '.join(COLUMNS)}")
            for number, row in enumerate(rows, 2):
                path, name, split = (row[column] for column in COLUMNS)
                if not path or not name or split not in images:
                    raise UserError(f"{table}: row {number} needs a file, a class, and train or test as its split")
                if not (root / path).resolve().is_relative_to(root.resolve()):
                    raise UserError(f"{table}: row {number}: {path} lies outside {root}; move the image into it")
                if not (root / path).is_file():
                    raise UserError(f"{table}: row {number}: no file {root / path}; mend the name or remove the row")
                images[split].append((root / path, name))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as a table ({error}); mend it") from error
    names = sorted({name for split in images.values() for _, name in split})
    _check_number(names, table, "must have images")
    return images, names


def _check_number(names: list[str], where: Path, needs: str) -> None:
    if len(names) < 2:
        raise UserError(f"{where}: {needs} of at least two classes, and has {len(names)}")
    if len(names) > 256:
        raise UserError(f"{where}: {len(names)} classes; labels are stored in 8 bits, so at most 256")


def _read(images: Sequence[tuple[Path, str]], names: list[str], size: int, gray: bool) -> tuple[np.ndarray, np.ndarray]:
    x = np.empty((len(images), size, size) + (3,) * (not gray), np.uint8)
    for target, (file, _) in zip(x, images, strict=True):
        target[:] = square(read_image(file, file, gray), size)
    return x, np.array([names.index(name) for _, name in images], np.uint8)


def read_image(file: Path | BinaryIO, where: Path | str, gray: bool = False) -> Image.Image:
    """A picture in RGB, or one channel.

    Raises:
        UserError: naming `where`, that this is no image, not a whole one, or one of more than 8 bits.
    """
    try:
        with Image.open(file) as image:
            if image.mode.startswith(("I", "F")):  # PIL would cut off what is above 255
                raise UserError(f"{where}: has more than 8 bits a pixel; save it with 8")
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
