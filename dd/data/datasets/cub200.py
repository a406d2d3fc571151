"""Photos of birds: CUB-200-2011, and ten classes of its forerunner."""

import io
import re
from pathlib import Path

import numpy as np

from dd.data.downloads import Archive, archive
from dd.data.folder_listing import TABLE
from dd.data.image_folder import image_folder, read_image, square
from dd.data.prepared import Arrays
from dd.runtime.errors import UserError

ROOT = "CUB_200_2011"


def cub200(path: Path, size: int = 224) -> tuple[Arrays, list[str]]:
    """Whole images of CUB-200-2011: the shorter side scaled to `size`, cut to the centre square; the official split.

    The authors' code stretches them instead, and draws random crops to train on.

    The images are held once, `size`^2 x 3 bytes each: 1.8 GB at 224 for all 11,788.

    Returns:
        The arrays, images `[N, size, size, 3]` in the order of `images.txt`, and the class names.

    Raises:
        UserError: the archive is cut off, lacks a member, or has a table or an image that cannot be read.
    """
    with archive(path) as opened:
        classes, images, labels, training = (
            _table(opened, name) for name in ("classes", "images", "image_class_labels", "train_test_split")
        )
        if not set(images) == set(labels) == set(training) or not set(labels.values()) <= set(classes):
            raise UserError(f"{path}: its tables do not name the same images and classes; download it again")
        order = {number: label for label, number in enumerate(classes)}
        arrays, targets = {}, {}
        for split, flag in (("train", "1"), ("test", "0")):
            chosen = [number for number in images if training[number] == flag]
            x = arrays[f"x_{split}"] = np.empty((len(chosen), size, size, 3), np.uint8)
            arrays[f"y_{split}"] = np.array([order[labels[number]] for number in chosen], np.uint8)
            targets |= {f"{ROOT}/images/{images[number]}": image for number, image in zip(chosen, x, strict=True)}
        for name, content in opened.read(targets):
            targets[name][:] = square(read_image(io.BytesIO(content), f"{path}: {name}"), size)
    return arrays, [readable(name) for name in classes.values()]


def _table(opened: Archive, name: str) -> dict[str, str]:
    """`<name>.txt`, a number and what belongs to it in each line."""
    lines = [line.split(maxsplit=1) for line in opened.text(f"{ROOT}/{name}.txt").splitlines()]
    if any(len(line) != 2 for line in lines):
        raise UserError(f"{opened.path}: {ROOT}/{name}.txt: not two columns; download the archive again")
    return dict(lines)


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
