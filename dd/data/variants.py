"""Datasets made from others: another size, other channels, inverted or noisy."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from dd.data.prepared import Arrays, read, save
from dd.runtime.errors import UserError
from dd.runtime.seeds import derive


def vary(
    data: Path,
    out: Path,
    size: int | None = None,
    margin: int = 0,
    channels: int | None = None,
    invert: bool = False,
    noise: float = 0.0,
    test_images: int | None = None,
    seed: int = 0,
) -> dict:
    """Write a variant of the prepared dataset `data` to `out`, named after that file, and return its metadata.

    Two domains between which networks or images move must meet at one size and number of channels. The rule of Table 2
    is that the target takes the channels of the pool of networks, and both the common size: USPS is brought to MNIST's
    28 pixels for MNIST -> USPS and back, and MNIST is scaled to 32 pixels in RGB for SVHN -> MNIST.

    Images are scaled bicubically to `size` x `size`, black borders of `margin` pixels included; gray is repeated in
    three `channels`, and colour becomes luminance in one (0.299 R + 0.587 G + 0.114 B). `invert` then takes x to 255 -
    x, and `noise` adds Gaussian noise of that standard deviation, as a share of the whole range 0 to 255, drawn by
    `seed`, and cuts off what leaves the range. Labels, classes, split and order stay, but `test_images` draws by `seed`
    so many of all images to test on, and leaves the rest to train on.

    Raises:
        UserError: `data` is not a prepared dataset, `out` would overwrite it, or nothing is left between the margins
            or to train on.
    """
    if out.suffix != ".npz":
        raise UserError(f"{out}: the file to write must end in .npz")
    if out.resolve() == data.resolve():
        raise UserError(f"{out}: would overwrite the dataset it is made from; choose another --out")
    arrays, info = read(data)
    like = arrays["x_train"]
    size, channels = size or like.shape[1], channels or (3 if like.ndim == 4 else 1)
    if 2 * margin >= size:
        raise UserError(f"margin: {margin} leaves nothing of {size} pixels; lower it")
    if test_images:
        arrays = _split_anew(arrays, test_images, np.random.default_rng(derive(seed, "split")))
    for split in ("train", "test"):
        random = np.random.default_rng(derive(seed, "noise", split))
        arrays[f"x_{split}"] = _varied(arrays[f"x_{split}"], size, margin, channels, invert, noise, random)
    changes = [f"{size}x{size} pixels", "RGB" if channels == 3 else "gray"]
    changes += [f"margin {margin}"] * (margin > 0) + ["split anew"] * bool(test_images)
    changes += ["inverted"] * invert + [f"noise {noise:g} (seed {seed})"] * (noise > 0)
    source = f"variant of {info['name']}: {', '.join(changes)}; {info['name']}: {info['source']}"
    fidelity = f"made from {info['name']}: {info['fidelity']}"
    same = {} if invert or noise else {"of": info["name"]}
    return save(out, out.stem, arrays, info["classes"], source=source, fidelity=fidelity, **same)


def _varied(
    x: np.ndarray, size: int, margin: int, channels: int, invert: bool, noise: float, random: np.random.Generator
) -> np.ndarray:
    made = np.empty((len(x), size, size) + (3,) * (channels == 3), np.uint8)
    for image, target in zip(x, made, strict=True):
        inside = size - 2 * margin
        scaled = ImageOps.expand(Image.fromarray(image).resize((inside, inside), Image.Resampling.BICUBIC), margin)
        target[:] = scaled.convert("RGB" if channels == 3 else "L")
        if invert:
            target[:] = 255 - target
        if noise:
            target[:] = np.rint(target + random.normal(0, 255 * noise, target.shape)).clip(0, 255)
    return made


def _split_anew(arrays: Arrays, test_images: int, random: np.random.Generator) -> Arrays:
    x, y = (np.concatenate([arrays[f"{kind}_{split}"] for split in ("train", "test")]) for kind in "xy")
    if test_images >= len(x):
        raise UserError(f"test_images: {test_images} leave nothing of {len(x)} images to train on; lower it")
    order = random.permutation(len(x))
    train, test = np.sort(order[test_images:]), np.sort(order[:test_images])
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}
