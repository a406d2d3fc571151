"""Which images and classes a folder has. No image is opened, so planning can use this too."""

import csv
from pathlib import Path

from dd.runtime.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
TABLE = "labels.csv"
COLUMNS = ("file", "class", "split")
SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


def class_names(root: Path) -> list[str]:
    """The classes of a folder, as `dd.data.image_folder.image_folder` numbers them.

    Raises:
        UserError: no folder, too few or too many classes, splits that disagree, or an invalid row in a table.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    if (root / TABLE).exists():
        return images_in_table(root)[1]
    classes = [_subfolders(folder) for folder in split_folders(root)]
    if classes[0] != classes[-1]:
        raise UserError(f"{root}: train has the classes {classes[0]} and test has {classes[-1]}; they must be the same")
    return classes[0]


def split_folders(root: Path) -> list[Path]:
    """`root/train` and `root/test`, or `root` alone if one of them is missing."""
    both = [root / "train", root / "test"]
    return both if all(folder.is_dir() for folder in both) else [root]


def _subfolders(root: Path) -> list[str]:
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if names and SPLITS.issuperset(map(str.lower, names)):
        raise UserError(f"{root}: {', '.join(names)} look like splits, not classes; call two of them train and test")
    _check_number(names, root, "needs one subfolder for each")
    return names


def images_in_subfolders(root: Path, names: list[str]) -> list[tuple[Path, str]]:
    """The images in the subfolders `names` of `root`, each with its class, which is the name of its subfolder.

    Raises:
        UserError: a subfolder without images.
    """
    images = []
    for name in names:
        files = sorted(p for p in (root / name).rglob("*") if p.suffix.lower() in SUFFIXES)
        if not files:
            raise UserError(f"{root / name}: no images in this class; add some or remove the folder")
        images += [(file, name) for file in files]
    return images


def images_in_table(root: Path) -> tuple[dict[str, list[tuple[Path, str]]], list[str]]:
    """What `root/labels.csv` lists: the images of each split with their classes, and the names of all classes.

    Raises:
        UserError: an invalid row, too few or too many classes.
    """
    table = root / TABLE
    images: dict[str, list[tuple[Path, str]]] = {"train": [], "test": []}
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or [])]
            if missing:
                raise UserError(f"{table}: the first row lacks {missing[0]}; it must name {', '.join(COLUMNS)}")
            for number, row in enumerate(rows, 2):
                path, name, split = (row[column] for column in COLUMNS)
                if not path or not name or split not in images:
                    raise UserError(f"{table}: row {number} needs a file, a class, and train or test as its split")
                if not (root / path).resolve().is_relative_to(root.resolve()):
                    raise UserError(f"{table}: row {number}: {path} lies outside {root}; move the image into it")
                if not (root / path).is_file():
                    raise UserError(f"{table}: row {number}: no file {root / path}; correct the name or remove the row")
                images[split].append((root / path, name))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as a table ({error}); correct it") from error
    names = sorted({name for split in images.values() for _, name in split})
    _check_number(names, table, "must have images")
    return images, names


def _check_number(names: list[str], where: Path, needs: str) -> None:
    if len(names) < 2:
        raise UserError(f"{where}: {needs} of at least two classes, and has {len(names)}")
    if len(names) > 256:
        raise UserError(f"{where}: {len(names)} classes; labels are stored in 8 bits, so at most 256")
