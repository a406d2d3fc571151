"""Format of RCIG (Loo et al. 2023): a checkpoint of flax with images and targets for squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.sets.foreign import ForeignFile

AVERAGE = "ema_average"
"""The running average of what was learned, which is what RCIG evaluates."""


def is_rcig(file: ForeignFile, _asked: Asked) -> bool:
    """Averaged `x_proto` and `y_proto`."""
    if file.container != "msgpack" or not file.has(AVERAGE) or not isinstance(file.content[AVERAGE], dict):
        return False
    return {"x_proto", "y_proto"} <= file.content[AVERAGE].keys()


def read_rcig(file: ForeignFile, asked: Asked) -> RawSet:
    """The averaged images and targets."""
    from dd.sets.raw import tensor

    if not is_rcig(file, asked):
        raise UserError(f"{file.path}: must hold x_proto and y_proto in {AVERAGE}")
    images, labels = (tensor(file.content[AVERAGE][name], file.path) for name in ("x_proto", "y_proto"))
    return RawSet(images.movedim(-1, 1), labels, "targets")


FORMAT = SetFormat(
    name="rcig",
    order=7,
    description="RCIG: a checkpoint of flax with `x_proto` and `y_proto` (needs msgpack)",
    recognises=is_rcig,
    read=read_rcig,
    normalisation="unit-norm-zca",
)
