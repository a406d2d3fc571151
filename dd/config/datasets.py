"""The datasets of a config and their images: datasets known by name, folders of the user, and variants of both."""

from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from dd.config.sections import Data
from dd.data.datasets import DATASETS
from dd.data.folder_listing import class_names
from dd.data.settings import pixels_inside
from dd.runtime.errors import UserError
from dd.runtime.settings_model import did_you_mean, shortened


class Images(NamedTuple):
    """What the images of a dataset are like."""

    channels: int
    size: int
    """Pixels a side."""
    classes: int


def datasets_of(data: Data) -> dict[str, Images]:
    """All datasets that experiments may name, in order: known by name, folders, variants.

    Raises:
        UserError: the key of the config, what is wrong there, and the cure.
    """
    found = {}
    for name, known in DATASETS.items():
        found[name] = Images(known.channels, known.size, known.class_count)
    for name, folder in data.folders.items():
        check_free(f"data.folders.{name}", name, found)
        try:
            classes = len(class_names(Path(folder.folder)))
        except UserError as error:
            raise UserError(f"data.folders.{name}.folder: {error}") from error
        found[name] = Images(1 if folder.gray else 3, folder.size, classes)
    originals = dict(found)
    for name in data.augment:
        if name in data.variants:
            raise UserError(f"data.augment.{name}: a variant has the augmentation of its original; set that one's")
        if name not in originals:
            raise UserError(f"data.augment: {not_one_of(name, originals)}")
    for name, variant in data.variants.items():
        key = f"data.variants.{name}"
        check_free(key, name, originals)
        if variant.of not in originals:
            raise UserError(f"{key}.of: {not_one_of(variant.of, originals)}")
        images = originals[variant.of]
        size = variant.size or images.size
        try:
            pixels_inside(size, variant.margin)
        except UserError as error:
            raise UserError(f"{key}.{error}") from error
        found[name] = Images(variant.channels or images.channels, size, images.classes)
    return found


def check_free(key: str, name: str, datasets: Container[str]) -> None:
    """Refuse the name of another dataset, whose file would be overwritten; raises what `datasets_of` raises."""
    if name in datasets:
        raise UserError(f"{key}: another dataset has this name; choose another")


def not_one_of(name: str, known: dict) -> str:
    """The message about a name that is not known."""
    return f"{shortened(name)} is not one of {', '.join(sorted(known))}{did_you_mean(name, known)}"
