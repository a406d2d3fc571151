"""CUB-200-2011: photos of 200 kinds of birds (Table 3)."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dd.data.archives import Archive, archive
from dd.data.named_dataset import NamedDataset
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from numpy import ndarray

    from dd.data.prepared import Arrays

ROOT = "CUB_200_2011"


def cub200(path: Path, *, size: int) -> tuple[Arrays, list[str]]:
    """Whole images of CUB-200-2011 in the official split, stretched bicubically to `size` x `size` as the authors did.

    To train on, their code draws random crops of the originals; `resized_crop_flip` draws them of these.

    Each image is in memory once, with `size`^2 x 3 bytes: 1.8 GB at 224 for all 11,788.

    Returns:
        The arrays, images `[N, size, size, 3]` in the order of `images.txt`, and the class names.

    Raises:
        UserError: the archive is cut off, lacks a member, or has a table or an image that cannot be read.
    """
    import numpy as np
    from PIL import Image

    from dd.data.image_folder import read_image

    arrays: Arrays = {}
    targets: dict[str, ndarray] = {}
    with archive(path) as opened:
        classes = _table(opened, "classes")
        images = _table(opened, "images")
        labels = _table(opened, "image_class_labels")
        training = _table(opened, "train_test_split")
        if not set(images) == set(labels) == set(training) or not set(labels.values()) <= set(classes):
            raise UserError(f"{path}: its tables do not name the same images and classes; download it again")
        label_of = {number: label for label, number in enumerate(classes)}
        for split, flag in (("train", "1"), ("test", "0")):
            chosen = [number for number in images if training[number] == flag]
            x = np.empty((len(chosen), size, size, 3), np.uint8)
            arrays[f"x_{split}"] = x
            arrays[f"y_{split}"] = np.array([label_of[labels[number]] for number in chosen], np.uint8)
            targets |= {f"{ROOT}/images/{images[number]}": image for number, image in zip(chosen, x, strict=True)}
        # each image goes to its place in its split, whatever its place in the archive
        for name, content in opened.read(targets):
            image = read_image(io.BytesIO(content), f"{path}: {name}")
            targets[name][:] = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
    return arrays, [readable(name) for name in classes.values()]


def _table(opened: Archive, name: str) -> dict[str, str]:
    """The rows of `<name>.txt`: by number, the text that follows it."""
    lines = [line.split(maxsplit=1) for line in opened.text(f"{ROOT}/{name}.txt").splitlines()]
    if any(len(line) != 2 for line in lines):
        raise UserError(f"{opened.path}: {ROOT}/{name}.txt: not two columns; download the archive again")
    return dict(lines)


def readable(name: str) -> str:
    """`001.Black_footed_Albatross` as `Black footed Albatross`."""
    return re.sub(r"^\d+\.", "", name).replace("_", " ")


DATASET = NamedDataset(
    name="cub200",
    description="photos of 200 kinds of birds, CUB-200-2011 (Wah et al. 2011)",
    training_images=6_000,
    licence="for non-commercial research and education; the photos are Flickr's users'",
    channels=3,
    size=224,
    classes=200,
    scaled=True,
    augmentation="resized_crop_flip",
    files={
        "https://data.caltech.edu/records/65de6-vp158/files/CUB_200_2011.tgz": "97eceeb196236b17998738112f37df78",
    },
    reader=cub200,
    own_normalisation=True,
    modules=(__name__, "dd.data.downloads", "dd.data.archives", "dd.data.image_folder"),
    order=8,
)
