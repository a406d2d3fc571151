"""The metadata of a distilled set: one schema, whose version is the number in `SET_FORMAT`.

Keys are only added within a version, so that older sets are read; what a key means is in docs/formats.md.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from dd.runtime.errors import UserError
from dd.runtime.settings_model import first_mistake

SET_FORMAT = "dd distilled set 1"


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


class SetMetadata(Part):
    """The JSON of a distilled set, without `format`."""

    dataset: Origin | None = None
    classes: list[str] | None = None
    config: dict[str, Any] | None = None
    validation: Validation | None = None
    made_with: dict[str, str] | None = Field(default=None, alias="made with")
    pretrained: dict[str, Any] | None = None
    pool: str | None = None
    begun: str | None = None
    imported_from: dict[str, Any] | None = None
    whitening: dict[str, str] | None = None


def check_metadata(info: dict[str, Any], where: object) -> None:
    """Refuse a file whose metadata are not those of a distilled set, of this version.

    Raises:
        UserError: it names the key.
    """
    kind = info.get("format")
    if kind != SET_FORMAT:
        name, _, version = SET_FORMAT.rpartition(" ")
        if isinstance(kind, str) and kind.startswith(name) and kind.removeprefix(name).strip().isdigit():
            raise UserError(f"{where}: {kind!r} is of a newer version than {version}; update this package")
        raise UserError(f"{where}: not a distilled set ({SET_FORMAT})")
    try:
        SetMetadata(**info)
    except ValidationError as error:
        raise UserError(f"{where}: {first_mistake(error)}") from None


def check_tensors(tensors: dict[str, Tensor], where: object) -> None:
    """Refuse tensors that are no distilled set.

    Raises:
        UserError: one is missing, their shapes do not fit each other, or their values cannot be.
    """
    for name in ("images", "labels", "lrs", "mean", "std"):
        if name not in tensors:
            raise UserError(f"{where}: has no tensor {name}; it is no distilled set")
    images, labels = tensors["images"], tensors["labels"]
    if images.ndim < 3 or labels.ndim not in (2, 3) or images.shape[:2] != labels.shape[:2]:
        raise UserError(f"{where}: images {list(images.shape)} and labels {list(labels.shape)} do not fit")
    if tensors["lrs"].ndim != 2:
        raise UserError(f"{where}: lrs is {list(tensors['lrs'].shape)}; it must be [epochs, steps]")
    for name in ("images", "lrs", "mean", "std"):
        if not bool(tensors[name].isfinite().all()):
            raise UserError(f"{where}: {name} are not finite")
    for name in ("lrs", "std"):
        if not bool((tensors[name] > 0).all()):
            raise UserError(f"{where}: {name} must be above 0")


def check_labels(labels: Tensor, classes: list[str], where: object) -> None:
    """Refuse labels that are neither classes `[steps, n]` nor probabilities `[steps, n, classes]`.

    Raises:
        UserError: it says which they are not.
    """
    if labels.ndim == 2:
        fits = not labels.is_floating_point() and bool(((labels >= 0) & (labels < len(classes))).all())
        must = f"whole numbers from 0 to {len(classes) - 1}"
    else:
        fits = labels.is_floating_point() and labels.shape[2] == len(classes) and bool((labels >= 0).all())
        fits = fits and bool(((labels.sum(2) - 1).abs() < 1e-3).all())
        must = f"probabilities of {len(classes)} classes"
    if not fits:
        raise UserError(f"{where}: labels must be {must}")
