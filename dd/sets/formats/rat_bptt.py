"""Format of RaT-BPTT (Feng et al. 2024): an HDF5 file of flat images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.sets.foreign import ForeignFile


def is_rat_bptt(file: ForeignFile, _asked: Asked) -> bool:
    """Arrays `data` and `label`."""
    return file.container == "hdf5" and file.has("data", "label")


def read_rat_bptt(file: ForeignFile, _asked: Asked) -> RawSet:
    """The images, square and of three channels or one, as the number of values says."""
    from dd.sets.raw import values

    images, labels = values(file, "data", "label")
    if images.ndim == 2:
        count = images.shape[1]
        channels = 3 if count % 3 == 0 and math.isqrt(count // 3) ** 2 == count // 3 else 1
        side = math.isqrt(count // channels)
        if channels * side**2 != count:
            raise UserError(f"{file.path}: images of {count} values are not square, of one channel or three")
        images = images.reshape(-1, channels, side, side)
    return RawSet(images, labels, "targets" if labels.ndim == 2 else "classes")


FORMAT = SetFormat(
    name="rat-bptt",
    order=8,
    description="RaT-BPTT: .h5 with `data` and `label` (needs h5py)",
    recognises=is_rat_bptt,
    read=read_rat_bptt,
    normalisation="unit-norm-zca",
)
