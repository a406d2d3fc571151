"""`python -m dd data prepare`: makes a prepared dataset from a mirror, a download or a folder of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dd.data.datasets import DATASETS
from dd.data.downloads import from_torchvision, official_files
from dd.data.equal_images import doubts
from dd.data.idx import find_idx_files, read_idx_files
from dd.data.image_folder import image_folder
from dd.data.mirror import describe_fidelity, find_image_folder, find_npz
from dd.data.named_dataset import NamedDataset
from dd.data.prepared import OWN_NORMALISATION, Arrays, npz_path, read_npz, save
from dd.data.settings import TEST_FRACTION
from dd.runtime.errors import UserError

FOLDER_SIZE = 32
"""Pixels a side of a user's own images if no size is given."""


@dataclass(frozen=True)
class Obtained:
    """A dataset before it is written. `source` names files and folders without their paths: others read it too."""

    arrays: Arrays
    classes: Sequence[str]
    source: str
    fidelity: str
    npz: Path | None = None
    """A file in the mirror that already holds these arrays."""


def prepare(
    name: str,
    out: Path,
    mirror: Path | None = None,
    *,
    folder: Path | None = None,
    size: int | None = None,
    gray: bool = False,
    test_fraction: float = TEST_FRACTION,
    augment: str | None = None,
) -> dict[str, Any]:
    """Write the dataset `name` to `out` (an `.npz`) and its metadata to the `.json` beside it; return the metadata.

    `folder` holds a user's own images; `size` (by default 32), `gray` and `test_fraction` apply to them. Without it,
    `name` is one of `DATASETS`, which is taken from the `mirror` folder if that has it, and from its own source if not.
    Photos are scaled to `size` pixels a side, by default the size that the dataset declares. `augment` names how its
    images are changed at random whenever they are trained on, in place of what the dataset declares.

    Raises:
        UserError: there is no source, or its content is not a dataset. `out` is then unchanged.
    """
    npz_path(out)
    if mirror and not mirror.is_dir():
        raise UserError(f"data.mirror: {mirror} is not a folder")
    if not folder and (gray or test_fraction != TEST_FRACTION):
        raise UserError(f"{name}: gray and test_fraction are for images of your own (--folder); leave them out")
    if folder and name in DATASETS:  # others would take it for that one, and set the paper's numbers beside it
        raise UserError(f"{name}: another dataset has this name; choose another for the images in {folder}")
    if folder:
        images = image_folder(folder, size or FOLDER_SIZE, gray, test_fraction)
        fidelity = "; ".join(["as its source gives it", *doubts(images, folder)])
        data = Obtained(images.arrays, images.classes, f"folder {folder.resolve().name}", fidelity)
    else:
        data = _by_name(name, mirror, size)
    told = {"source": data.source, "fidelity": data.fidelity}
    told["augmentation"] = augment or ("none" if folder else DATASETS[name].augmentation)
    if not folder and DATASETS[name].own_normalisation:
        told["normalisation"] = OWN_NORMALISATION
    return save(out, name, data.arrays, data.classes, ready=data.npz, **told)


def _by_name(name: str, mirror: Path | None, size: int | None) -> Obtained:
    if name not in DATASETS:
        raise UserError(f"dataset {name!r} is not known: use one of {', '.join(DATASETS)}, or name a folder of images")
    dataset = DATASETS[name]
    if size and not dataset.scaled:
        raise UserError(f"--size: {name} has a size of its own; scale it with `python -m dd data vary`")
    mirrored = _from_mirror(dataset, mirror) if mirror else None
    return mirrored or _from_source(dataset, mirror, size or dataset.size)


def _from_mirror(dataset: NamedDataset, mirror: Path) -> Obtained | None:
    """The dataset from the mirror's `.npz` or IDX files; None if it has neither, or if images must be scaled."""
    if dataset.scaled or not dataset.class_names:
        return None
    if npz := find_npz(dataset.name, mirror):
        arrays = read_npz(npz)
        fidelity = describe_fidelity(npz, dataset.array_digests, arrays)
        return Obtained(arrays, dataset.class_names, f"mirror, {npz.name}", fidelity, npz)
    place = find_idx_files(mirror, dataset.idx_folder) if dataset.idx_folder else None
    if place:
        arrays = read_idx_files(place, dataset.name, dataset.array_digests)
        source = "mirror, files in IDX format"
        return Obtained(arrays, dataset.class_names, source, "equal to the official bytes")
    return None


def _from_source(dataset: NamedDataset, mirror: Path | None, size: int) -> Obtained:
    """The dataset from its official files, from its folder in the mirror, or from its reader alone."""
    if dataset.reader is None:
        arrays = from_torchvision(dataset.name, dataset.torchvision, mirror)
        source = "official files with their MD5, read by torchvision"
        return Obtained(arrays, dataset.class_names, source, dataset.fidelity)
    scale = {"size": size} if dataset.scaled else {}
    if dataset.files:
        with official_files(dataset.name, dataset.files, mirror) as files:
            arrays, classes = dataset.reader(*files, **scale)
        source = f"official files with their MD5: {', '.join(file.name for file in files)}"
    elif dataset.mirror_folder:
        folder = find_image_folder(dataset.name, dataset.mirror_folder, mirror)
        arrays, classes = dataset.reader(folder, **scale)
        source = f"mirror, folder {folder.name}"
    else:
        arrays, classes = dataset.reader(**scale)
        source = dataset.source
    return Obtained(arrays, classes, source, dataset.fidelity)
