"""Datasets by name or from a folder of images, prepared once into the canonical file."""

import json
import shutil
from pathlib import Path

import numpy as np

from dd.data.dataset import NAMES, Arrays, check, read_npz
from dd.data.digits import digits
from dd.data.folder import image_folder
from dd.data.sources import digest, from_mirror, from_torchvision
from dd.runtime.artifacts import atomic, sha256, write_text
from dd.runtime.errors import UserError

DIGIT_NAMES = tuple("0123456789")
CLASSES: dict[str, tuple[str, ...]] = {
    "mnist": DIGIT_NAMES,
    "usps": DIGIT_NAMES,
    "svhn": DIGIT_NAMES,
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "digits": DIGIT_NAMES,
}
"""Class names of the datasets known by name."""

OFFICIAL = {
    "mnist": {
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    "cifar10": {
        "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "y_train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    },
}
"""SHA-256 of array bytes known to be those of the official distribution, to judge files from a mirror by."""


def prepare(
    name: str,
    out: Path,
    mirror: Path | None = None,
    folder: Path | None = None,
    size: int = 32,
    gray: bool = False,
    test_fraction: float = 0.2,
) -> dict:
    """Write the dataset `name` to `out` (an `.npz`) and its metadata to the `.json` beside it; return the metadata.

    `folder` is a user's own images (`size`, `gray`, `test_fraction` then apply). Otherwise `name` is one of `CLASSES`,
    taken from the `mirror` folder if that has `<name>.npz`, and downloaded if not.

    Raises:
        UserError: no source, or what the source gives fails `check`. `out` is then as it was.
    """
    if out.suffix != ".npz":
        raise UserError(f"{out}: the file to write must end in .npz")
    ready, classes = None, CLASSES.get(name)
    if folder:
        arrays, names = image_folder(folder, size, gray, test_fraction)
        classes, source = tuple(names), f"folder {folder.resolve()}"
    elif classes is None:
        raise UserError(f"dataset {name!r} is not known: use one of {', '.join(CLASSES)}, or name a folder of images")
    elif mirror and (ready := from_mirror(name, mirror)):
        arrays, source = read_npz(ready), f"mirror {ready.resolve()}"
    elif name == "digits":
        arrays, source = digits(), "scikit-learn load_digits, 8x8 scaled bicubically to 28x28"
    else:
        arrays, source = from_torchvision(name), "torchvision download, official files with their MD5"
    check(arrays, len(classes), ready or name)
    with atomic(out) as temporary:
        if ready:
            shutil.copyfile(ready, temporary)
        else:
            np.savez_compressed(temporary, **arrays)
    info = _describe(name, arrays, classes, source) | {"sha256": sha256(out)}
    write_text(out.with_suffix(".json"), json.dumps(info, indent=2) + "\n")
    return info


def _describe(name: str, arrays: Arrays, classes: tuple[str, ...], source: str) -> dict:
    x = arrays["x_train"]
    # counts of the 256 values give both exactly, without a float copy of the whole set
    channels = x.reshape(len(x), -1, x.shape[3] if x.ndim == 4 else 1)
    values = np.arange(256) / 255
    shares = [np.bincount(c.ravel(), minlength=256) / c.size for c in np.moveaxis(channels, 2, 0)]
    mean = [float(share @ values) for share in shares]
    # a constant channel has nothing to scale
    std = [float(np.sqrt(share @ (values - m) ** 2)) or 1.0 for share, m in zip(shares, mean, strict=True)]
    if source.startswith("mirror"):
        known = OFFICIAL.get(name, {})
        unlike = [key for key in known if digest(arrays[key]) != known[key]]
        unknown = [key for key in NAMES if key not in known]
        notes = [f"differs from the official bytes: {', '.join(unlike)}"] if unlike else []
        notes += [f"not checked against the official bytes: {', '.join(unknown)}"] if unknown else []
        fidelity = "; ".join(notes) or "equal to the official bytes"
    else:
        fidelity = "as its source gives it"
    return {
        "name": name,
        "train": len(x),
        "test": len(arrays["x_test"]),
        "image": list(x.shape[1:]),
        "classes": list(classes),
        "mean": mean,
        "std": std,
        "source": source,
        "fidelity": fidelity,
    }
