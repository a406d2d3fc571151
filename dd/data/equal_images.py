"""Images of a user's folder that are there more than once, where that makes results doubtful."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from dd.data.image_folder import FolderImages


class _Image(NamedTuple):
    file: Path
    label: int


def doubts(images: FolderImages, root: Path) -> list[str]:
    """What to know of test images that are training images too, and of images in several classes: a line each.

    Images are equal if they are so as prepared, whatever their files. Files are named as from `root`.
    """
    training = _by_content(images, "train")
    test = _by_content(images, "test")
    leaked = [(image, training[content][0]) for content in test.keys() & training.keys() for image in test[content]]
    disputed = []
    for content in training.keys() | test.keys():
        first, *others = training.get(content, []) + test.get(content, [])
        disputed += [(other, first) for other in others if other.label != first.label][:1]
    lines = []
    if leaked:
        share = f"{len(leaked):,} of {len(images.files['test']):,} ({_example(leaked, root)})"
        lines.append(f"test images that equal training images: {share}, which makes accuracy too high")
    if disputed:
        lines.append(f"images in several classes: {len(disputed):,} ({_example(disputed, root)})")
    return lines


def _by_content(images: FolderImages, split: str) -> dict[bytes, list[_Image]]:
    """The images of a split by the digest of their pixels, in which equal ones meet without a comparison of all."""
    found: dict[bytes, list[_Image]] = {}
    x, y = images.arrays[f"x_{split}"], images.arrays[f"y_{split}"]
    for pixels, label, file in zip(x, y, images.files[split], strict=True):
        content = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
        found.setdefault(content, []).append(_Image(file, int(label)))
    return found


def _example(pairs: list[tuple[_Image, _Image]], root: Path) -> str:
    """`test/cat/1.png is train/cat/2.png`: the first pair by name."""
    one, other = (_shown(image.file, root) for image in min(pairs))
    return f"{one} is {other}"


def _shown(file: Path, root: Path) -> str:
    """A path from `root`, in which bytes that are no text are replaced."""
    return os.fsencode(file.relative_to(root)).decode(errors="replace")
