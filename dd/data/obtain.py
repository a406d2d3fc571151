"""Datasets by name or from a folder of images, prepared once into the canonical file."""

from pathlib import Path

from dd.data.datasets.cub200 import birds10, cub200
from dd.data.datasets.digits import digits
from dd.data.datasets.svhn import svhn
from dd.data.datasets.voc2007 import voc2007
from dd.data.downloads import fetched
from dd.data.image_folder import image_folder
from dd.data.mirror import from_idx, from_mirror, from_torchvision, judge, remark
from dd.data.prepared import read_npz, save
from dd.runtime.errors import UserError

DIGIT_NAMES = tuple("0123456789")
CLASSES: dict[str, tuple[str, ...]] = {
    "mnist": DIGIT_NAMES,
    # without the slash of "T-shirt/top", as folders are named so
    "fashion_mnist": (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    "usps": DIGIT_NAMES,
    "svhn": DIGIT_NAMES,
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "digits": DIGIT_NAMES,
}
"""Class names of the datasets that a mirror may have as `<name>.npz`."""

READERS = {"svhn": svhn, "voc2007": voc2007, "cub200": cub200}
"""What reads the official files of a dataset."""

PHOTOS = ("voc2007", "cub200", "birds10")
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
    ready, packed, fidelity, scale = None, None, "as its source gives it", {"size": size} if size else {}
    if folder:
        arrays, classes = image_folder(folder, size or 32, gray, test_fraction)
        source = f"folder {folder.resolve()}"
    elif name not in KNOWN:
        raise UserError(f"dataset {name!r} is not known: use one of {', '.join(KNOWN)}, or name a folder of images")
    elif size and name not in PHOTOS:
        raise UserError(f"--size: {name} has a size of its own; scale it with `python -m dd data vary`")
    elif mirror and name in CLASSES and (ready := from_mirror(name, mirror)):
        arrays, classes, source = read_npz(ready), CLASSES[name], f"mirror {ready.resolve()}"
        fidelity = "; ".join(filter(None, [judge(name, arrays), remark(ready)]))
    elif mirror and name in ("mnist", "fashion_mnist") and (packed := from_idx(name, mirror)):
        (arrays, where), classes, fidelity = packed, CLASSES[name], "equal to the official bytes"
        source = f"mirror {where.resolve()}, files in IDX format"
    elif name == "digits":
        arrays, classes, source = digits(), CLASSES[name], "scikit-learn load_digits, 8x8 scaled bicubically to 28x28"
    elif name == "birds10":
        arrays, classes = birds10(mirror, **scale)
        source, fidelity = f"mirror {mirror.resolve()}", "ten classes of the 2010 release, in an unofficial split"
    elif name in READERS:
        with fetched(name, mirror) as files:
            arrays, classes = READERS[name](*files, **scale)
        source = f"official files with their MD5: {', '.join(file.name for file in files)}"
    else:
        arrays, classes = from_torchvision(name, mirror), CLASSES[name]
        source = "official files with their MD5, read by torchvision"
    return save(out, name, arrays, classes, ready, source=source, fidelity=fidelity)
