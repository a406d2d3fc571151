"""PASCAL VOC 2007 as images of single objects."""

from __future__ import annotations

import io
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from dd.data.archives import Archive, archive
from dd.data.named_dataset import NamedDataset
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from numpy import ndarray

    from dd.data.prepared import Arrays

ADDRESS = "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007"
ROOT = "VOCdevkit/VOC2007"
CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels as Pillow counts them: from 0, with right and bottom exclusive."""


def voc2007(trainval: Path, test: Path, *, size: int) -> tuple[Arrays, list[str]]:
    """Every object of VOC 2007 as one image: its bounding box, stretched bicubically to `size` x `size`.

    Trainval is for training, test for testing. Objects marked as difficult are included, as they are in the authors'
    code, whose accuracies Table 3 reports. The official files have 15,662 and 14,976 objects.

    Each crop is in memory once, with `size`^2 x 3 bytes: 4.6 GB at 224. Nothing else grows with the number of crops.

    Returns:
        The arrays, images `[N, size, size, 3]` in the order of the official lists, and the class names.

    Raises:
        UserError: an archive is cut off, or lacks a member, or one of its members cannot be read.
    """
    arrays: Arrays = {}
    for split, path, images in (("train", trainval, "trainval"), ("test", test, "test")):
        with archive(path) as opened:
            arrays[f"x_{split}"], arrays[f"y_{split}"] = _crops(opened, images, size)
    return arrays, list(CLASSES)


def _crops(opened: Archive, list_name: str, size: int) -> tuple[ndarray, ndarray]:
    """Every object of the images in the list `list_name`: crops uint8 `[N, size, size, 3]` and labels `[N]`."""
    import numpy as np
    from PIL import Image

    from dd.data.image_folder import read_image

    images = opened.text(f"{ROOT}/ImageSets/Main/{list_name}.txt").split()
    annotations = opened.read(f"{ROOT}/Annotations/{image}.xml" for image in images)
    objects = {Path(name).stem: _objects(content, f"{opened.path}: {name}") for name, content in annotations}
    *starts, total = accumulate((len(objects[image]) for image in images), initial=0)
    start = dict(zip(images, starts, strict=True))
    x = np.empty((total, size, size, 3), np.uint8)
    y = np.empty(total, np.uint8)
    for name, content in opened.read(f"{ROOT}/JPEGImages/{image}.jpg" for image in images):
        picture = read_image(io.BytesIO(content), f"{opened.path}: {name}")
        image = Path(name).stem
        for index, (label, box) in enumerate(objects[image], start[image]):
            left, top, right, bottom = box
            if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
                raise UserError(
                    f"{opened.path}: {name}: its box {box} lies outside the image; download the archive again"
                )
            x[index] = np.asarray(picture.crop(box).resize((size, size), Image.Resampling.BICUBIC))
            y[index] = label
    return x, y


def _objects(annotation: bytes, where: str) -> list[tuple[int, Box]]:
    """Label and box of each object in an annotation, which counts pixels from 1 and includes the last."""
    try:
        # safe: this parser opens no external entities, and expat limits how far internal ones can grow
        elements = ElementTree.fromstring(annotation).findall("object")  # noqa: S314
        objects = []
        for element in elements:
            left, top, right, bottom = (
                int(element.findtext(f"bndbox/{side}", "no number")) for side in ("xmin", "ymin", "xmax", "ymax")
            )
            objects.append((CLASSES.index(element.findtext("name", "")), (left - 1, top - 1, right, bottom)))
        return objects
    except (ElementTree.ParseError, ValueError, TypeError) as error:
        raise UserError(f"{where}: not an annotation of VOC 2007 ({error}); download the archive again") from error


DATASET = NamedDataset(
    name="voc2007",
    description="objects cut from the photos of PASCAL VOC 2007 (Everingham et al. 2007)",
    training_images=5_000,
    licence="Flickr's terms of use",
    channels=3,
    size=224,
    classes=CLASSES,
    scaled=True,
    augmentation="resized_crop_flip",
    files={
        f"{ADDRESS}/VOCtrainval_06-Nov-2007.tar": "c52e279531787c972589f7e41ab4ae64",
        f"{ADDRESS}/VOCtest_06-Nov-2007.tar": "b6e924de25625d8de591ea690078ad9f",
    },
    reader=voc2007,
    modules=(__name__, "dd.data.downloads", "dd.data.archives", "dd.data.image_folder"),
    order=7,
)
