"""A mirror: a folder of datasets, as `<name>.npz` or in other forms, which is searched before any download."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dd.data.folder_listing import LABELS_FILE
from dd.data.prepared import NAMES, Arrays
from dd.runtime.errors import UserError, reason
from dd.runtime.files import sha256


def find_npz(name: str, mirror: Path) -> Path | None:
    """The file `<mirror>/<name>.npz`, checked against the folder's SHA256SUMS if that lists it; None if there is none.

    Raises:
        UserError: the file does not match its checksum.
    """
    path = mirror / f"{name}.npz"
    if not path.exists():
        return None
    actual = sha256(path)
    sums = mirror / "SHA256SUMS"
    expected = _read_sums(sums).get(path.name, actual)
    if actual != expected:
        raise UserError(f"{path}: its SHA-256 is {actual}, but {sums} says {expected}; copy the file again")
    return path


def _read_sums(path: Path) -> dict[str, str]:
    """The checksum of each file in a list that `sha256sum` has written; empty if there is no list."""
    sums = {}
    for line in (_read_text(path) or "").splitlines():
        digest, _, file = line.partition(" ")
        sums[file.strip().lstrip("*")] = digest
    return sums


def describe_fidelity(npz: Path, official: Mapping[str, str], arrays: Arrays) -> str:
    """How near the arrays of a mirror's `<name>.npz` are to the official ones, in words.

    This is the result of `compare_with_official`, followed by the text of `<name>.txt` if that is beside the file.

    Raises:
        UserError: `<name>.txt` cannot be read.
    """
    compared = compare_with_official(arrays, official)
    text = " ".join((_read_text(npz.with_suffix(".txt")) or "").split())
    return f"{compared}; {text}" if text else compared


def compare_with_official(arrays: Arrays, official: Mapping[str, str]) -> str:
    """In words, which arrays equal the official ones; `official` has their SHA-256 by array, as far as it is known."""
    different = [key for key in official if array_digest(arrays[key]) != official[key]]
    unknown = [key for key in NAMES if key not in official]
    findings = []
    if different:
        findings.append(f"differs from the official bytes: {', '.join(different)}")
    if unknown:
        findings.append(f"not checked against the official bytes: {', '.join(unknown)}")
    return "; ".join(findings) or "equal to the official bytes"


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's bytes, which does not depend on how its file was compressed."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def find_image_folder(name: str, folder: str, mirror: Path | None) -> Path:
    """The folder `<mirror>/<folder>`, which holds the images of the dataset `name` and their labels.csv.

    Raises:
        UserError: there is no mirror, or it has no such folder.
    """
    if not mirror or not (mirror / folder / LABELS_FILE).exists():
        raise UserError(
            f"{name}: cannot be downloaded; put a folder {folder} of images with a {LABELS_FILE} into a folder and "
            "name that folder in data.mirror (--mirror)"
        )
    return mirror / folder


def _read_text(path: Path) -> str | None:
    """The text of a file, or None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text in UTF-8 ({reason(error)})") from error
