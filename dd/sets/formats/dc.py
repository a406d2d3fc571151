"""Format of DC, DSA and DM (Zhao et al. 2021, Zhao and Bilen 2021, 2023): several sets in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
    from dd.sets.foreign import ForeignFile


def is_dc(file: ForeignFile, _asked: Asked) -> bool:
    """A dictionary with a list `data` of images and labels."""
    return file.container == "torch" and file.has("data") and isinstance(file.content["data"], list | tuple)


def read_dc(file: ForeignFile, asked: Asked) -> RawSet:
    """One of the experiments, and the accuracies of all."""
    if not is_dc(file, asked):
        raise UserError(f"{file.path}: must be a dictionary with a list `data`; see --format")
    sets = file.content["data"]
    number = asked.experiment or 0
    if number >= len(sets):
        last = f"the last is {len(sets) - 1}" if sets else "there is none"
        raise UserError(f"--experiment: {file.path} has no experiment {number}; they are counted from 0, and {last}")
    one = sets[number]
    if not isinstance(one, list | tuple) or len(one) != 2:
        raise UserError(f"{file.path}: experiment {number} must be a pair of images and labels")
    told = f"experiment {number} of {len(sets)}, counted from 0" if len(sets) > 1 else ""
    images, labels = one
    return RawSet(images, labels, accuracies=accuracies(file.content.get("accs_all_exps")), told=told)


def accuracies(by_net: Any) -> dict[str, dict[str, float]]:
    """Mean and standard deviation in percent of shares of right answers, by network."""
    import numpy as np

    found = {}
    for net, shares in by_net.items() if isinstance(by_net, dict) else ():
        if isinstance(net, str) and isinstance(shares, list) and shares:
            try:
                percent = 100 * np.array([float(share) for share in shares])
            except (TypeError, ValueError):  # the images are of use without it
                continue
            spread = float(percent.std(ddof=1)) if len(percent) > 1 else None
            found[net] = {"accuracy": round(float(percent.mean()), 4), "nets": len(percent)}
            found[net] |= {"accuracy_std": round(spread, 4)} if spread is not None else {}
    return found


def write_dc(distilled: DistilledSet, path: Path) -> None:
    """One experiment, without accuracies."""
    from dd.sets.tensor_files import hard_labels, images_in_one, write_torch

    write_torch(path, {"data": [[images_in_one(distilled), hard_labels(distilled)]], "accs_all_exps": {}})


FORMAT = SetFormat(
    name="dc",
    order=1,
    description="DC, DSA, DM: res_*.pt with several experiments",
    recognises=is_dc,
    read=read_dc,
    normalisation="field",
    options=("experiment",),
    write=write_dc,
)
