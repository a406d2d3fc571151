"""Datasets made from others: another size, other channels, inverted or noisy."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from dd.data.prepared import Arrays, npz_path, read, save
from dd.data.settings import pixels_inside
from dd.runtime.errors import UserError
from dd.runtime.seeds import derive


@dataclass(frozen=True)
class Change:
    """What happens to every image."""

    size: int
    """Pixels a side, margin included."""
    margin: int
    """Black pixels on each side."""
    channels: int
    """1 is gray, 3 is RGB."""
    invert: bool
    noise: float
    """Standard deviation of Gaussian noise; 1 is the whole range."""

    def words(self, split_anew: bool, seed: int) -> Iterable[str]:
        """The changes in words, for the metadata."""
        yield f"{self.size}x{self.size} pixels"
        yield "RGB" if self.channels == 3 else "gray"
        if self.margin:
            yield f"margin {self.margin}"
        if split_anew:
            yield "split anew"
        if self.invert:
            yield "inverted"
        if self.noise:
            yield f"noise {self.noise:g} (seed {seed})"


def vary(
    data: Path,
    out: Path,
    *,
    size: int | None = None,
    margin: int = 0,
    channels: int | None = None,
    invert: bool = False,
    noise: float = 0.0,
    test_images: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write a variant of the prepared dataset `data` to `out`, named after that file, and return its metadata.

    A network trained on one dataset can be used on another only if it takes the images of both. In Table 2, USPS is
    scaled to MNIST's 28 pixels for MNIST -> USPS and back. For SVHN -> MNIST, MNIST gets three channels and keeps its
    28 pixels, as LeNet takes both these and SVHN's 32.

    Images are scaled bicubically to `size` x `size`, which includes black borders of `margin` pixels. Gray is repeated
    for three `channels`; colour becomes luminance for one channel (0.299 R + 0.587 G + 0.114 B). `invert` then replaces
    x by 255 - x. `noise` adds Gaussian noise and clips the result to the range 0 to 255; it is the standard deviation
    as a share of that range, and `seed` draws the noise. Labels, classes, split and order stay the same, except with
    `test_images`: that many images are drawn by `seed` from all images as test images; the rest are training images.

    Raises:
        UserError: `data` is not a prepared dataset, `out` would overwrite it, or no pixels are left between the margins
            or no images to train on.
    """
    npz_path(out)
    if out.resolve() == data.resolve():
        raise UserError(f"{out}: would overwrite the dataset it is made from; choose another --out")
    arrays, info = read(data)
    original = arrays["x_train"]
    change = Change(size or original.shape[1], margin, channels or _channels(original), invert, noise)
    pixels_inside(change.size, change.margin)
    if test_images:
        arrays = _split_anew(arrays, test_images, np.random.default_rng(derive(seed, "split")))
    for split in ("train", "test"):
        random = np.random.default_rng(derive(seed, "noise", split))
        arrays[f"x_{split}"] = _changed(arrays[f"x_{split}"], change, random)
    words = ", ".join(change.words(bool(test_images), seed))
    source = f"variant of {info['name']}: {words}; {info['name']}: {info['source']}"
    fidelity = f"made from {info['name']}: {info['fidelity']}"
    # a table compares a variant that is only scaled with the paper's numbers for the original
    more = {} if invert or noise else {"of": info["name"]}
    more["augmentation"] = info.get("augmentation", "none")
    return save(out, out.stem, arrays, info["classes"], source=source, fidelity=fidelity, **more)


def _channels(x: np.ndarray) -> int:
    """The number of channels of images `[N, S, S]` or `[N, S, S, 3]`."""
    return 3 if x.ndim == 4 else 1


def _changed(x: np.ndarray, change: Change, random: np.random.Generator) -> np.ndarray:
    inside = pixels_inside(change.size, change.margin)
    shape: tuple[int, ...] = (len(x), change.size, change.size)
    mode = "L"
    if change.channels == 3:
        shape = (*shape, 3)
        mode = "RGB"
    made = np.empty(shape, np.uint8)
    for image, target in zip(x, made, strict=True):
        scaled = Image.fromarray(image).resize((inside, inside), Image.Resampling.BICUBIC)
        target[:] = np.asarray(ImageOps.expand(scaled, change.margin).convert(mode))
        if change.invert:
            target[:] = 255 - target
        if change.noise:
            target[:] = np.rint(target + random.normal(0, 255 * change.noise, target.shape)).clip(0, 255)
    return made


def _split_anew(arrays: Arrays, test_images: int, random: np.random.Generator) -> Arrays:
    x = np.concatenate([arrays["x_train"], arrays["x_test"]])
    y = np.concatenate([arrays["y_train"], arrays["y_test"]])
    if test_images >= len(x):
        raise UserError(f"test_images: {test_images} leaves none of {len(x)} images to train on; lower it")
    order = random.permutation(len(x))
    test = np.sort(order[:test_images])
    train = np.sort(order[test_images:])
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}
