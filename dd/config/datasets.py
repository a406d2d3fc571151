"""The datasets of a config and their images: datasets known by name, folders of the user, and variants of both."""

from pathlib import Path
from typing import NamedTuple

from dd.config.sections import Data
from dd.data.datasets import DATASETS
from dd.data.folder_listing import class_names
from dd.runtime.errors import UserError
from dd.runtime.settings_model import did_you_mean


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
        classes = known.classes if isinstance(known.classes, int) else len(known.classes)
        found[name] = Images(known.channels, known.size, classes)
    for name, folder in data.folders.items():
        try:
            classes = len(class_names(Path(folder.folder)))
        except UserError as error:
            raise UserError(f"data.folders.{name}.folder: {error}") from error
        found[name] = Images(1 if folder.gray else 3, folder.size, classes)
    originals = dict(found)
    for name, variant in data.variants.items():
        key = f"data.variants.{name}"
        if name in originals:
            raise UserError(f"{key}: another dataset has this name; choose another")
        if variant.of not in originals:
            raise UserError(f"{key}.of: {not_one_of(variant.of, originals)}")
        images = originals[variant.of]
        if variant.size and 2 * variant.margin >= variant.size:
            raise UserError(f"{key}.margin: leaves nothing of {variant.size} pixels")
        found[name] = Images(variant.channels or images.channels, variant.size or images.size, images.classes)
    return found


def not_one_of(name: str, known: dict) -> str:
    """The message about a name that is not known."""
    return f"{name!r} is not one of {', '.join(sorted(known))}{did_you_mean(name, known)}"
