"""A distilled set in other formats: arrays for other programs, pictures for people."""

import itertools
import json
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.functional import to_pil_image
from torchvision.utils import make_grid

from dd.distill.distilled_set import DistilledSet
from dd.distill.set_metadata import BUFFER
from dd.runtime.errors import UserError
from dd.runtime.files import atomic
from dd.sets.tensor_files import write_torch

ABOUT = (
    "Distilled images as 8-bit pictures. `steps` has the files of each GD step in order, with the label they are "
    "trained towards; `lrs` the learning rate of each step, an epoch a row. A network gets (pixel / 255 - mean) / std, "
    "a channel at a time. `lost` says what the pictures cannot hold: the percentage of values outside 0 to 255, which "
    "are clipped, and the root mean square error of all, of which 1 is the standard deviation of real images."
)


def pixels(distilled: DistilledSet) -> tuple[Tensor, dict[str, float]]:
    """The images of a set as uint8 `[steps, n, C, H, W]`, on the scale of the real ones, and what that loses.

    Returns:
        The images, and `clipped_percent` (values outside 0 to 255) and `rms_error` (in normalised units).

    Raises:
        UserError: the set is whitened, or its inputs are no images.
    """
    if len(shape := distilled.image_shape) != 3 or shape[0] not in (1, 3):
        raise UserError(f"the set has inputs {list(shape)}, which are no pictures; export it to .npz or .pt")
    if "whitening" in distilled.info:
        raise UserError("the set is whitened, so its images are no pictures; export it to .npz or .pt")
    mean, std = distilled.mean.view(-1, 1, 1), distilled.std.view(-1, 1, 1)
    exact = 255 * (distilled.images * std + mean)
    rounded = exact.round().clamp(0, 255)
    clipped = 100 * ((exact < -0.5) | (exact > 255.5)).float().mean()
    error = ((rounded - exact) / (255 * std)).square().mean().sqrt()
    lost = {"clipped_percent": round(clipped.item(), 2), "rms_error": round(error.item(), 4)}
    return rounded.to(torch.uint8), lost


def values(distilled: DistilledSet) -> dict:
    """The fields of a set by name, without those that are None."""
    named = {f.name: getattr(distilled, f.name) for f in fields(distilled)}
    return {name: value for name, value in named.items() if value is not None}


def to_pt(distilled: DistilledSet, path: Path) -> None:
    """A dictionary that `torch.load(path, weights_only=True)` reads: the set's tensors, `buffers` and `info`."""
    write_torch(path, values(distilled))


def to_npz(distilled: DistilledSet, path: Path) -> None:
    """The set's tensors as arrays, its buffers as `buffer.<name>`, and its `info` as JSON; no pickles."""
    named = values(distilled)
    arrays = {f"{BUFFER}{name}": value for name, value in named.pop("buffers").items()}
    info = json.dumps(named.pop("info"))
    with atomic(path) as temporary:
        np.savez_compressed(temporary, info=info, **named, **arrays)


def to_sheet(distilled: DistilledSet, path: Path) -> None:
    """One picture, not scaled: a column for each step, with its images below each other in the order of classes."""
    images, _ = pixels(distilled)
    order = distilled.hard_labels.argsort(dim=1, stable=True)
    rows = torch.stack([image[index] for image, index in zip(images, order, strict=True)], 1)
    grid = make_grid(rows.flatten(0, 1), nrow=len(images), pad_value=255)
    with atomic(path) as temporary:
        to_pil_image(grid).save(temporary)


def to_folder(distilled: DistilledSet, path: Path) -> None:
    """`<class>/<step>_<image>.png`, and `set.json` with order, labels, rates, normalisation and what is lost.

    Raises:
        UserError: `path` exists already or cannot be written, or a class has a name that no folder can have.
    """
    if path.exists():
        raise UserError(f"{path}: exists already; remove it or choose another name")
    names = distilled.info["classes"]
    wrong = [name for name in names if Path(name).name != name or name.startswith(".")]
    if wrong:
        raise UserError(f"class {wrong[0]!r} cannot be the name of a folder; export to .npz or .pt")
    images, lost = pixels(distilled)
    steps = _files_of_steps(distilled)
    about = {"about": ABOUT, "lost": lost, "steps": steps}
    about |= {name: getattr(distilled, name).tolist() for name in ("lrs", "mean", "std")}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as temporary:
            root = Path(temporary, path.name)
            for name in names:
                (root / name).mkdir(parents=True)
            for entry, image in zip(itertools.chain(*steps), images.flatten(0, 1), strict=True):
                to_pil_image(image).save(root / entry["file"])
            (root / "set.json").write_text(json.dumps(about | distilled.info, indent=1) + "\n", encoding="utf-8")
            root.rename(path)
    except OSError as error:
        raise UserError(f"{path}: cannot write ({error.strerror}); choose another folder") from error


def _files_of_steps(distilled: DistilledSet) -> list[list[dict]]:
    """File name and label of every image, one list for each step; the folder is the class of the hard label."""
    names, hard, labels = distilled.info["classes"], distilled.hard_labels.tolist(), distilled.labels.tolist()
    steps = []
    for step, (classes, of_step) in enumerate(zip(hard, labels, strict=True), 1):
        numbered = enumerate(zip(classes, of_step, strict=True), 1)
        steps.append([{"file": f"{names[c]}/{step:03}_{number:03}.png", "label": y} for number, (c, y) in numbered])
    return steps


WRITERS: dict[str, Callable[[DistilledSet, Path], None]] = {
    ".png": to_sheet,
    ".pt": to_pt,
    ".npz": to_npz,
    "": to_folder,
}
"""The writer for each ending of a path."""
