"""Our own exports as `.pt` and `.npz`: whole sets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, SetFormat

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
    from dd.sets.foreign import ForeignFile


KEYS = {"net", "init", "steps", "epochs", "images_per_class", "seed"}
"""Settings without which a set cannot be used."""


def is_own(file: ForeignFile, _asked: Asked) -> bool:
    """Everything that a set has, by name."""
    return file.container in ("torch", "npz") and file.has("images", "labels", "lrs", "mean", "std", "info")


def read_own(file: ForeignFile, asked: Asked) -> DistilledSet:
    """The set that was exported."""
    import torch

    from dd.distill.distilled_set import BUFFER, DistilledSet
    from dd.distill.init_kinds import INITS
    from dd.distill.set_metadata import SET_FORMAT, check_labels, check_metadata, check_tensors
    from dd.sets.raw import tensor

    try:
        if not is_own(file, asked):
            raise ValueError("a part is missing")
        content = dict(file.content)
        info, buffers = content.pop("info"), content.pop("buffers", {})
        info = json.loads(str(info)) if file.container == "npz" else info
        buffers |= {name.removeprefix(BUFFER): content.pop(name) for name in list(content) if name.startswith(BUFFER)}
        buffers = {name: tensor(value, file.path) for name, value in buffers.items()}
        read = DistilledSet(
            **{name: tensor(value, file.path) for name, value in content.items()}, buffers=buffers, info=info
        )
        if not {"classes", "config", "dataset"} <= info.keys() or not info["config"].keys() >= KEYS:
            raise ValueError(f"info lacks classes, dataset or config with {', '.join(sorted(KEYS))}")
        steps = 0 if info["config"].get("batch_per_class") else len(read.images)
        if info["config"]["init"] not in INITS or (steps and read.lrs.shape[1:] != (steps,)):
            raise ValueError("its init is unknown, or its rates are not those of its steps")
        json.dumps(info)  # raises for what no set can hold
        check_metadata({"format": SET_FORMAT} | info, file.path)
        check_tensors(vars(read), file.path)
        check_labels(read.labels, info["classes"], file.path)
        channels = read.images.shape[2:3]
        if read.images.dtype != torch.float32 or read.mean.shape != channels or read.std.shape != channels:
            raise ValueError("its parts do not fit each other")
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(f"{file.path}: not a set that `python -m dd export` wrote ({error})") from error
    return read


FORMAT = SetFormat(
    name="dd",
    order=0,
    description="what `python -m dd export` writes as .pt and .npz: a whole set, for which --data is not needed",
    recognises=is_own,
    read=read_own,
    normalisation=None,
)
