"""Distillation that goes on from a finished set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from dd.distill.settings import DistillConfig
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    from dd.data.prepared import Dataset
    from dd.distill.distilled_set import DistilledSet


def settings_of(begun: DistilledSet, changed: dict[str, Any]) -> DistillConfig:
    """The settings that a set was distilled with, but for those `changed`.

    A set without rates of its own (imported from another program) has them at `distill_lr` to begin with.

    Raises:
        UserError: a setting is not allowed, or says what images start from.
    """
    if "start" in changed:
        raise UserError("start: the images start from those of the finished set; leave it out")
    own = {key: value for key, value in begun.info["config"].items() if key in DistillConfig.model_fields}
    if not len(begun.lrs):
        del own["epochs"]
    return DistillConfig(**own | changed)


def check_begun(begun: DistilledSet, config: DistillConfig, dataset: Dataset) -> None:
    """Refuse to go on from a set that has not the form that the settings ask for, or was made of other data.

    Raises:
        UserError: it names the setting.
    """
    begun.check(dataset)
    steps, images = begun.images.shape[:2]
    asked = {
        "steps": (steps, config.steps),
        "images_per_class": (images / len(dataset.classes), config.images_per_class),
        "soft_labels": (begun.labels.ndim == 3, config.soft_labels),
    }
    if len(begun.lrs):
        asked["epochs"] = (len(begun.lrs), config.epochs)
        asked["batch_per_class"] = (begun.lrs.shape[1], config.epoch_steps)
    for key, (has, wanted) in asked.items():
        if has != wanted:
            raise UserError(f"{key}: the finished set has {has:g} where {wanted:g} is asked for; leave it out")


def images_for(begun: DistilledSet, mean: Tensor, std: Tensor) -> Tensor:
    """The images of a set as if they had been normalised by `mean` and `std` `[C]`."""
    if begun.mean.equal(mean) and begun.std.equal(std):
        return begun.images.clone()
    each = (-1, *[1] * (begun.images.ndim - 3))
    pixels = begun.images * begun.std.view(each) + begun.mean.view(each)
    return (pixels - mean.view(each)) / std.view(each)
