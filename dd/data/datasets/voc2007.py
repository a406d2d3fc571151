"""PASCAL VOC 2007 as images of single objects."""

import io
from itertools import accumulate
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from dd.data.downloads import Archive, archive
from dd.data.image_folder import read_image
from dd.data.prepared import Arrays
from dd.runtime.errors import UserError

ROOT = "VOCdevkit/VOC2007"
CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)

Box = tuple[int, int, int, int]
"""Left, top, right, bottom as Pillow counts: from 0, right and bottom outside."""


def voc2007(trainval: Path, test: Path, size: int = 224) -> tuple[Arrays, list[str]]:
    """Every object of VOC 2007 as one image: its bounding box, stretched bicubically to `size` x `size`.

    Trainval is for training, test for testing. Objects marked as difficult count as any other, as they do in the
    authors' code, whose accuracies Table 3 reports: the official files have 15,662 and 14,976 objects.

    The crops are held once, `size`^2 x 3 bytes each: 4.6 GB at 224. Nothing else grows with their number.

    Returns:
        The arrays, images `[N, size, size, 3]` in the order of the official lists, and the class names.

    Raises:
        UserError: an archive is cut off, or lacks a member, or one of its members cannot be read.
    """
    arrays = {}
    for split, path, listed in (("train", trainval, "trainval"), ("test", test, "test")):
        with archive(path) as opened:
            arrays[f"x_{split}"], arrays[f"y_{split}"] = _crops(opened, listed, size)
    return arrays, list(CLASSES)


def _crops(opened: Archive, listed: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    images = opened.text(f"{ROOT}/ImageSets/Main/{listed}.txt").split()
    annotations = opened.read(f"{ROOT}/Annotations/{image}.xml" for image in images)
    objects = {Path(name).stem: _objects(content, f"{opened.path}: {name}") for name, content in annotations}
    *starts, total = accumulate((len(objects[image]) for image in images), initial=0)
    start = dict(zip(images, starts, strict=True))
    x, y = np.empty((total, size, size, 3), np.uint8), np.empty(total, np.uint8)
    for name, content in opened.read(f"{ROOT}/JPEGImages/{image}.jpg" for image in images):
        picture = read_image(io.BytesIO(content), f"{opened.path}: {name}")
        image = Path(name).stem
        for index, (label, box) in enumerate(objects[image], start[image]):
            if not (0 <= box[0] < box[2] <= picture.width and 0 <= box[1] < box[3] <= picture.height):
                raise UserError(f"{opened.path}: {name}: its box {box} lies outside; download the archive again")
            x[index] = picture.crop(box).resize((size, size), Image.Resampling.BICUBIC)
            y[index] = label
    return x, y


def _objects(annotation: bytes, where: str) -> list[tuple[int, Box]]:
    """Labels and boxes in an annotation, which counts pixels from 1 and includes the last."""
    try:
        # safe: this parser opens no external entities, and expat limits how far internal ones may grow
        found = ElementTree.fromstring(annotation).findall("object")  # noqa: S314
        objects = []
        for thing in found:
            sides = (int(thing.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
            left, top, right, bottom = sides
            objects.append((CLASSES.index(thing.findtext("name")), (left - 1, top - 1, right, bottom)))
        return objects
    except (ElementTree.ParseError, ValueError, TypeError) as error:
        raise UserError(f"{where}: not an annotation of VOC 2007 ({error}); download the archive again") from error
