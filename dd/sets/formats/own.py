"""Our own exports as `.pt` and `.npz`: whole sets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, SetFormat

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
    from dd.sets.foreign import ForeignFile


def is_own(file: ForeignFile, _asked: Asked) -> bool:
    """Everything that a set has, by name."""
    return file.container in ("torch", "npz") and file.has("images", "labels", "lrs", "mean", "std", "info")


def read_own(file: ForeignFile, asked: Asked) -> DistilledSet:
    """The set that was exported."""
    import torch

    from dd.distill.distilled_set import BUFFER, DistilledSet
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
        steps, n, channels = read.images.shape[:3]
        whole = read.labels.shape[:2] == (steps, n) and read.lrs.shape[1:] == (steps,)
        finite = all(bool(torch.isfinite(each).all()) for each in (read.images, read.lrs, read.mean, read.std))
        if not whole or not finite or read.mean.shape != (channels,) or read.std.shape != (channels,):
            raise ValueError("its parts do not fit each other")
        if not {"classes", "config", "dataset"} <= info.keys():
            raise ValueError("info lacks classes, config or dataset")
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
