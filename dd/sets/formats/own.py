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
    from dd.distill.distilled_set import DistilledSet
    from dd.distill.set_metadata import BUFFER, SET_FORMAT, check_set
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
        json.dumps(info)  # raises for what no set can hold
        check_set(read.tensors(), {"format": SET_FORMAT} | info, file.path)
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
