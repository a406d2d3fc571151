"""Where the arrays of a dataset come from: a mirror folder first, then torchvision's checked download."""

import contextlib
import gzip
import hashlib
import io
import tempfile
import zlib
from pathlib import Path

import numpy as np

from dd.data.downloads import checked, downloading
from dd.data.prepared import NAMES, Arrays
from dd.runtime.errors import UserError, reason
from dd.runtime.files import sha256

OFFICIAL = {
    "mnist": {
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    "fashion_mnist": {
        "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    },
    "cifar10": {
        "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
        "y_train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    },
}
"""SHA-256 of array bytes known to be those of the official distribution, to judge files from a mirror by."""

IDX = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
"""The files of MNIST, and of Fashion-MNIST: they have the same names."""


def from_mirror(name: str, mirror: Path) -> Path | None:
    """The file `<mirror>/<name>.npz`, checked against the folder's SHA256SUMS where that lists it, or None.

    Raises:
        UserError: the file does not match its checksum.
    """
    path = mirror / f"{name}.npz"
    if not path.exists():
        return None
    sums = mirror / "SHA256SUMS"
    try:
        lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{sums}: cannot be read as text in UTF-8 ({reason(error)})") from error
    expected = {file.strip().lstrip("*"): digest for digest, _, file in (line.partition(" ") for line in lines)}
    if expected.get(path.name, (found := sha256(path))) != found:
        raise UserError(f"{path}: its SHA-256 is {found}, but {sums} says {expected[path.name]}; copy the file again")
    return path


def from_idx(name: str, mirror: Path) -> tuple[Arrays, Path] | None:
    """MNIST or Fashion-MNIST from the four files of `IDX`, and the folder they are in, or None where there are none.

    That folder is `mirror/mnist` or `mirror/fashion-mnist`, or `mirror` itself. It may be /usr/share/datasets, where
    Debian's package dataset-fashion-mnist puts them, compressed anew: so their contents are judged, not the files.

    Raises:
        UserError: a file is cut off, or its contents are not the official ones.
    """
    for folder in (mirror / name.replace("_", "-"), mirror):
        if all((folder / file).exists() for file in IDX.values()):
            return {key: _idx(folder / file, name, OFFICIAL[name][key]) for key, file in IDX.items()}, folder
    return None


def remark(ready: Path) -> str:
    """What `<name>.txt` beside a mirror's `<name>.npz` says of its images, on one line; nothing where there is none.

    Raises:
        UserError: it cannot be read as text.
    """
    path = ready.with_suffix(".txt")
    try:
        return " ".join(path.read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text in UTF-8 ({reason(error)})") from error


def _idx(path: Path, name: str, official: str) -> np.ndarray:
    """An array in IDX format: three bytes for uint8, the number of dimensions, each dimension in four bytes, values."""
    try:
        with gzip.open(path) as file:
            content = file.read()
        dimensions = content[3]
        shape = np.frombuffer(content, ">i4", dimensions, offset=4)
        array = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, zlib.error, ValueError, IndexError) as error:
        raise UserError(f"{path}: cut off or not in IDX format ({reason(error)}); copy the file again") from error
    if _digest(array) != official:
        raise UserError(
            f"{path}: its contents are not those of {name}; copy the file again, and as MNIST's and Fashion-MNIST's "
            "files have the same names, put them into folders mnist and fashion-mnist"
        )
    return array


def from_torchvision(name: str, mirror: Path | None = None) -> Arrays:
    """MNIST, Fashion-MNIST, USPS or CIFAR-10 in their official form: downloaded, but for files of the last two that
    `mirror` has. The MD5 of every file is checked.

    Raises:
        UserError: no network, a file that does not match its checksum, or a disk that is full.
    """
    from torchvision import datasets

    official = {
        "mnist": datasets.MNIST,
        "fashion_mnist": datasets.FashionMNIST,
        "usps": datasets.USPS,
        "cifar10": datasets.CIFAR10,
    }[name]
    packed = {datasets.CIFAR10: [(datasets.CIFAR10.filename, datasets.CIFAR10.tgz_md5)]}
    packed |= {datasets.USPS: [(file, md5) for _, file, md5 in datasets.USPS.split_list.values()]}
    arrays = {}
    with tempfile.TemporaryDirectory(prefix=f"dd-{name}-") as raw:
        for file, md5 in packed.get(official, []):
            if mirror and (mirror / file).exists():
                Path(raw, file).symlink_to(checked(mirror / file, md5).resolve())
        for split in ("train", "test"):
            with downloading(name, f"a prepared {name}.npz"), contextlib.redirect_stdout(io.StringIO()):
                dataset = official(raw, train=split == "train", download=True)
            arrays[f"x_{split}"] = np.asarray(dataset.data)
            arrays[f"y_{split}"] = np.asarray(dataset.targets, np.uint8)
    return arrays


def judge(name: str, arrays: Arrays) -> str:
    """What is known of arrays from a mirror, in words: which have the official bytes."""
    known = OFFICIAL.get(name, {})
    unlike = [key for key in known if _digest(arrays[key]) != known[key]]
    unknown = [key for key in NAMES if key not in known]
    notes = [f"differs from the official bytes: {', '.join(unlike)}"] if unlike else []
    notes += [f"not checked against the official bytes: {', '.join(unknown)}"] if unknown else []
    return "; ".join(notes) or "equal to the official bytes"


def _digest(array: np.ndarray) -> str:
    """SHA-256 of an array's bytes, independent of how the file around it was packed."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
