"""Datasets by name or from a folder of images, prepared once into the canonical file."""

from pathlib import Path

from dd.data.birds import birds10
from dd.data.dataset import read_npz, save
from dd.data.digits import digits
from dd.data.folder import image_folder
from dd.data.sources import from_mirror, from_torchvision, judge
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

PHOTOS = ("birds10",)
KNOWN = (*CLASSES, *PHOTOS)
"""Every dataset known by name. Photos are scaled as they are prepared; the others have a size of their own."""


def prepare(
    name: str,
    out: Path,
    mirror: Path | None = None,
    folder: Path | None = None,
    size: int | None = None,
    gray: bool = False,
    test_fraction: float = 0.2,
) -> dict:
    """Write the dataset `name` to `out` (an `.npz`) and its metadata to the `.json` beside it; return the metadata.

    `folder` is a user's own images (`size`, by default 32, `gray` and `test_fraction` then apply). Otherwise `name` is
    one of `KNOWN`: taken from the `mirror` folder if that has it, and downloaded if not. Photos are scaled to `size`,
    by default 224.

    Raises:
        UserError: no source, or what the source gives fails `check`. `out` is then as it was.
    """
    if out.suffix != ".npz":
        raise UserError(f"{out}: the file to write must end in .npz")
    if mirror and not mirror.is_dir():
        raise UserError(f"data.mirror: {mirror} is not a folder")
    ready, classes, fidelity = None, CLASSES.get(name), "as its source gives it"
    if folder:
        arrays, classes = image_folder(folder, size or 32, gray, test_fraction)
        source = f"folder {folder.resolve()}"
    elif name not in KNOWN:
        raise UserError(f"dataset {name!r} is not known: use one of {', '.join(KNOWN)}, or name a folder of images")
    elif size and name not in PHOTOS:
        raise UserError(f"--size: {name} has a size of its own; scale it with `python -m dd data vary`")
    elif mirror and classes and (ready := from_mirror(name, mirror)):
        arrays, source = read_npz(ready), f"mirror {ready.resolve()}"
        fidelity = judge(name, arrays)
    elif name == "birds10":
        arrays, classes = birds10(mirror, size or 224)
        source, fidelity = f"mirror {mirror.resolve()}", "ten classes of the 2010 release, in an unofficial split"
    elif name == "digits":
        arrays, source = digits(), "scikit-learn load_digits, 8x8 scaled bicubically to 28x28"
    else:
        arrays, source = from_torchvision(name), "torchvision download, official files with their MD5"
    return save(out, name, arrays, classes, ready, source=source, fidelity=fidelity)
