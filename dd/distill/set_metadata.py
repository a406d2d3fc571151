"""The metadata of a distilled set: one schema, whose version is the number in `SET_FORMAT`.

Keys are only added within a version, so that older sets are read; what a key means is in docs/formats.md.
"""

from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from dd.distill.init_kinds import INITS
from dd.distill.settings import DistillConfig
from dd.runtime.errors import UserError
from dd.runtime.settings_model import OneOf, first_mistake

SET_FORMAT = "dd distilled set 1"

TENSORS = ("images", "labels", "lrs", "mean", "std")
"""The tensors that every set has."""
BUFFER = "buffer."
"""Prefix of the names of buffers among a set's tensors."""


class Part(BaseModel):
    """Keys with values of certain types; others may stand beside them."""

    model_config = ConfigDict(strict=True, extra="allow")


class Origin(Part):
    """What the set was distilled from."""

    name: str
    sha256: str | None = None
    source: str = ""
    fidelity: str = ""
    augmentation: str = "none"
    values: str = "bytes"


class Validation(Part):
    """The accuracy at the end."""

    accuracy: float
    accuracy_std: float | None = None
    nets: int


class Config(Part):
    """The settings without which a set cannot be used; docs/configuration.md has all."""

    net: str
    init: Annotated[str, OneOf.of(INITS)]
    steps: Annotated[int, Field(ge=1)]
    epochs: Annotated[int, Field(ge=0)]
    images_per_class: Annotated[int, Field(ge=1)]
    seed: int
    batch_per_class: Annotated[int, Field(ge=0)] = 0


class SetMetadata(Part):
    """The JSON of a distilled set, without `format`."""

    dataset: Origin
    classes: list[str]
    config: Config
    validation: Validation | None = None
    made_with: dict[str, str] | None = Field(default=None, alias="made with")
    pretrained: dict[str, Any] | None = None
    pool: str | None = None
    begun: str | None = None
    imported_from: dict[str, Any] | None = None
    whitening: dict[str, str] | None = None


def check_set(tensors: dict[str, Tensor], info: dict[str, Any], where: object) -> None:
    """Refuse tensors and metadata, with `format`, that are not those of a distilled set of this version.

    Raises:
        UserError: it names the tensor or key, and what is wrong with it.
    """
    metadata = _metadata(info, where)
    _check_tensors(tensors, where)
    _check_labels(tensors["labels"], metadata.classes, where)
    config, images, lrs = metadata.config, tensors["images"], tensors["lrs"]
    if len(images) != config.steps or len(lrs) != config.epochs:
        raise UserError(
            f"{where}: images are of {len(images)} steps and lrs of {len(lrs)} epochs, but info['config'] says "
            f"{config.steps} and {config.epochs}; change one of them"
        )
    if not len(lrs):
        if metadata.imported_from is None:
            raise UserError(f"{where}: lrs is empty, as it can only be in a set of another program")
        return
    epoch_steps = DistillConfig.model_construct(**info["config"]).epoch_steps
    if lrs.shape[1] != epoch_steps:
        raise UserError(f"{where}: lrs is {list(lrs.shape)}, for {epoch_steps} steps of an epoch")
    per_step = config.images_per_class * len(metadata.classes)
    if config.batch_per_class and images.shape[1] != per_step:
        raise UserError(f"{where}: images are {list(images.shape)}, but config says {per_step} in a step")


def _metadata(info: dict[str, Any], where: object) -> SetMetadata:
    kind = info.get("format")
    if kind != SET_FORMAT:
        name, _, version = SET_FORMAT.rpartition(" ")
        if isinstance(kind, str) and kind.startswith(name) and kind.removeprefix(name).strip().isdigit():
            raise UserError(f"{where}: {kind!r} is of a newer version than {version}; update this package")
        raise UserError(f"{where}: not a distilled set ({SET_FORMAT})")
    try:
        return SetMetadata(**info)
    except ValidationError as error:
        raise UserError(f"{where}: {first_mistake(error)}") from None


def _check_tensors(tensors: dict[str, Tensor], where: object) -> None:
    """Refuse tensors whose shapes, types or values cannot be those of a set."""
    for name in TENSORS:
        if name not in tensors:
            raise UserError(f"{where}: has no tensor {name}; it is no distilled set")
    for name in tensors:
        if name not in (*TENSORS, "fixed_weights") and not name.startswith(BUFFER):
            raise UserError(f"{where}: has a tensor {name}, which no set has")
    images, labels = tensors["images"], tensors["labels"]
    if images.ndim < 3 or labels.ndim not in (2, 3) or images.shape[:2] != labels.shape[:2]:
        raise UserError(f"{where}: images {list(images.shape)} and labels {list(labels.shape)} do not fit")
    if not images.numel():
        raise UserError(f"{where}: images are {list(images.shape)}, so there are none")
    floats = [name for name, tensor in tensors.items() if name != "labels" and tensor.is_floating_point()]
    for name in ("images", "lrs", "mean", "std", *tensors.keys() & {"fixed_weights"}):
        if tensors[name].dtype != torch.float32:
            raise UserError(f"{where}: {name} are {tensors[name].dtype}; they must be torch.float32")
    if tensors["lrs"].ndim != 2:
        raise UserError(f"{where}: lrs is {list(tensors['lrs'].shape)}; it must be [epochs, steps]")
    for name in ("mean", "std"):
        if tensors[name].shape != images.shape[2:3]:
            raise UserError(f"{where}: {name} is {list(tensors[name].shape)}, for images {list(images.shape[2:])}")
    for name in floats:
        if not bool(tensors[name].isfinite().all()):
            raise UserError(f"{where}: {name} are not finite")
    for name in ("lrs", "std"):
        if not bool((tensors[name] > 0).all()):
            raise UserError(f"{where}: {name} must be above 0")


def _check_labels(labels: Tensor, classes: list[str], where: object) -> None:
    """Refuse labels that are neither classes `[steps, n]` nor probabilities `[steps, n, classes]`."""
    if labels.ndim == 2:
        fits = not labels.is_floating_point() and bool(((labels >= 0) & (labels < len(classes))).all())
        must = f"whole numbers from 0 to {len(classes) - 1}"
    else:
        fits = labels.is_floating_point() and labels.shape[2] == len(classes) and bool((labels >= 0).all())
        fits = fits and bool(((labels.sum(2) - 1).abs() < 1e-3).all())
        must = f"probabilities of {len(classes)} classes"
    if not fits:
        raise UserError(f"{where}: labels must be {must}")
