"""Format of DATM and DD-Ranking (Guo et al. 2024, Li et al. 2024): images, logits as labels, a learned rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dd.runtime.errors import UserError
from dd.sets.set_format import Asked, RawSet, SetFormat

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
    from dd.sets.foreign import ForeignFile


def is_datm(file: ForeignFile, asked: Asked) -> bool:
    """A tensor of images, and beside it one of logits."""
    from dd.sets.tensor_files import is_pair, labels_beside

    return is_pair(file) and getattr(labels_beside(file, asked).content, "ndim", 0) == 2


def read_datm(file: ForeignFile, asked: Asked) -> RawSet:
    """The pair, and the learned rate if it is beside them."""
    from dd.sets.raw import probabilities, tensor
    from dd.sets.tensor_files import labels_beside, rate_beside

    labels = labels_beside(file, asked)
    lr, others = rate_beside(file)
    kind: Literal["logits", "probabilities"] = "logits"
    if probabilities(tensor(labels.content, labels.path)):  # saved after the softmax
        kind = "probabilities"
    return RawSet(file.content, labels.content, kind, lr=lr, others=(labels.path, *others))


def write_datm(distilled: DistilledSet, path: Path) -> None:
    """The images to `path`; beside it the logarithms of the probabilities, and the rate if plain steps all have one."""
    from dd.sets.tensor_files import beside, beyond_plain_steps, images_in_one, write_torch

    if distilled.labels.ndim == 2:
        raise UserError("this format has learned labels, and this set one class an image; export to --format mtt")
    files = {path: images_in_one(distilled), beside(path, "labels"): distilled.labels.flatten(0, 1).log()}
    rates = distilled.lrs.unique()
    if len(rates) == 1 and not beyond_plain_steps(distilled):
        files[beside(path, "lr")] = rates[0]
    elif (lr := distilled.info.get("imported_from", {}).get("lr")) is not None:
        files[beside(path, "lr")] = rates.new_tensor(lr)
    for file, tensor in files.items():
        write_torch(file, tensor)


FORMAT = SetFormat(
    name="datm",
    order=3,
    description="DATM, DD-Ranking: images_*.pt, with logits in labels_*.pt and a learned rate in lr_*.pt beside it",
    recognises=is_datm,
    read=read_datm,
    normalisation=None,
    options=("labels",),
    write=write_datm,
)
