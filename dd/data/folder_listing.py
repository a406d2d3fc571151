"""Which images and classes a folder has. No image is opened, so planning can use this too."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dd.data.class_names import check_names
from dd.runtime.errors import UserError

SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".avif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
}
"""Endings of pictures, which Pillow reads."""
SYSTEM_NAMES = {
    *("@eaDir", "__MACOSX", "Thumbs.db", "desktop.ini", "__pycache__", "lost+found", "System Volume Information"),
    *("$RECYCLE.BIN", "#recycle", "@Recycle", "#snapshot", "@Recently-Snapshot"),
}
"""Files and folders that systems put beside pictures, copies of them among these."""
LABELS_FILE = "labels.csv"
COLUMNS = ("file", "class", "split")
SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}


def class_names(root: Path) -> list[str]:
    """The classes of a folder, as `dd.data.image_folder.image_folder` numbers them.

    Raises:
        UserError: no folder, too few or too many classes, splits that disagree, or an invalid row in a table.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder")
    if (root / LABELS_FILE).exists():
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
    names = sorted(p.name for p in root.iterdir() if p.is_dir() and not _is_hidden(p.name))
    if names and SPLITS.issuperset(map(str.lower, names)):
        raise UserError(f"{root}: {', '.join(names)} look like splits, not classes; call two of them train and test")
    check_names(names, root)
    _check_number(names, root, "needs one subfolder with images for each")
    return names


def images_in_subfolders(root: Path, names: list[str]) -> list[tuple[Path, str]]:
    """The images in the subfolders `names` of `root`, each with its class, which is the name of its subfolder.

    Raises:
        UserError: a subfolder without images.
    """
    images = []
    for name in names:
        files = sorted(file for file in files_below(root / name) if file.suffix.lower() in SUFFIXES)
        if not files:
            endings = ", ".join(sorted(SUFFIXES))
            raise UserError(f"{root / name}: no images in this class; add some ({endings}) or remove the folder")
        images += [(file, name) for file in files]
    return images


def files_below(folder: Path) -> Iterator[Path]:
    """All files in `folder` and its subfolders, through links too; none that is hidden or a system's own."""
    seen = set()
    for place, subfolders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link to a folder above it
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not _is_hidden(name))
        yield from (Path(place, name) for name in sorted(files) if not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in SYSTEM_NAMES


def describe_folder(root: Path) -> list[str]:
    """What `dd.data.image_folder.image_folder` reads and does not read of a folder, a line each.

    Raises:
        UserError: see `class_names`, `images_in_subfolders` and `images_in_table`.
    """
    names = class_names(root)
    if (root / LABELS_FILE).exists():
        listed, _ = images_in_table(root)
        images = [image for split in listed.values() for image in split]
        why = f"as {LABELS_FILE} does not name them"
    else:
        images = [image for folder in split_folders(root) for image in images_in_subfolders(folder, names)]
        why = "as they are no pictures of a class"
    read = {os.path.realpath(file) for file in (root / LABELS_FILE, *(file for file, _ in images))}
    passed_over = [file for file in files_below(root) if os.path.realpath(file) not in read]
    counts = Counter(name for _, name in images)
    largest, most = counts.most_common(1)[0]
    lines = [f"classes: {', '.join(f'{name} {counts[name]}' for name in names)}"]
    lines.append(f"largest class: {largest}, {100 * most / len(images):.0f} % of {len(images)} images")
    if passed_over:
        kinds = Counter(file.suffix.lower() or "no ending" for file in passed_over)
        what = ", ".join(f"{count} of {kind}" for kind, count in sorted(kinds.items()))
        lines.append(f"passed over, {why}: {what}")
    return lines


def images_in_table(root: Path) -> tuple[dict[str, list[tuple[Path, str]]], list[str]]:
    """What `root/labels.csv` lists: the images of each split with their classes, and the names of all classes.

    Raises:
        UserError: an invalid row, too few or too many classes.
    """
    table = root / LABELS_FILE
    images: dict[str, list[tuple[Path, str]]] = {"train": [], "test": []}
    seen: dict[Path, int] = {}
    try:
        with table.open(newline="", encoding="utf-8-sig") as opened:
            rows = csv.DictReader(opened)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or [])]
            if missing:
                raise UserError(f"{table}: the first row lacks {missing[0]}; it must name {', '.join(COLUMNS)}")
            for number, row in enumerate(rows, 2):
                path, name, split = ((row[column] or "").strip() for column in COLUMNS)
                if not path or not name or split not in images:
                    raise UserError(f"{table}: row {number} needs a file, a class, and train or test as its split")
                file = _inside(root, path)
                if not file:
                    raise UserError(
                        f"{table}: row {number}: {path} lies outside {root}; move the image there or make a link"
                    )
                if not file.is_file():
                    raise UserError(f"{table}: row {number}: no file {root / path}; correct the name or remove the row")
                first = seen.setdefault(file, number)
                if first != number:
                    raise UserError(f"{table}: rows {first} and {number} both have {path}; keep one of them")
                images[split].append((file, name))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read as a table ({error}); correct it") from error
    names = sorted({name for split in images.values() for _, name in split})
    check_names(names, table)
    _check_number(names, table, "must have images")
    return images, names


def _inside(root: Path, path: str) -> Path | None:
    """A path of a table without `..`, or None if it leaves `root`.

    Links are not followed: a link in `root` may lead to a store elsewhere, as those of DVC and git-annex do.
    """
    for start in (root, root.resolve()):  # an absolute path may be written in either way
        place = Path(os.path.relpath(root / path, start))
        if os.pardir not in place.parts:
            return root / place
    return None


def _check_number(names: list[str], where: Path, needs: str) -> None:
    if len(names) < 2:
        raise UserError(f"{where}: {needs} of at least two classes, and has {len(names)}")
    if len(names) > 256:
        raise UserError(f"{where}: {len(names)} classes; labels are stored in 8 bits, so at most 256")
