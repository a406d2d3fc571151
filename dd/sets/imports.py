"""Sets of other programs as ours."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dd.data.prepared import Dataset
from dd.distill.distilled_set import DistilledSet
from dd.distill.set_checks import other_data
from dd.nets import class_path
from dd.runtime.errors import UserError, reason
from dd.runtime.files import provenance, sha256
from dd.runtime.memory import ran_out
from dd.sets.foreign import ForeignFile, open_foreign
from dd.sets.formats import FORMATS
from dd.sets.pixels import NORMALISATIONS, Normalised, normalised
from dd.sets.raw import checked_images, checked_labels
from dd.sets.set_format import Asked, RawSet, SetFormat

FIELDS_NETWORK = "ConvNet3"
"""The network on which the field compares distilled sets."""
TARGETS = "for squared error; taken as the nearest probabilities"


class Imported(NamedTuple):
    """A set, and what its user should know."""

    distilled: DistilledSet
    told: list[str]
    """Lines about what was read."""
    warnings: list[str]
    """Lines about what looks wrong."""


def import_set(
    path: Path,
    dataset: Dataset | None,
    *,
    asked: Asked,
    name: str | None = None,
    normalisation: str | None = None,
    net: str = FIELDS_NETWORK,
    epochs: int | None = None,
) -> Imported:
    """Read a set of another program.

    Args:
        path: its file or folder.
        dataset: what it was distilled from; a whole set of our own needs none.
        asked: what the file does not say.
        name: of its format, if the content does not tell.
        normalisation: how its images are normalised, if the format does not tell: see `NORMALISATIONS`.
        net: the network that it is for.
        epochs: passes over the images at the one learned rate that the file holds, if it does.

    Raises:
        UserError: the file is damaged, is not what it should be, or does not fit `dataset`; an option is missing, or
            means nothing for this format.
    """
    class_path(net)
    file = open_foreign(path)
    format_ = FORMATS[name] if name else recognised(file, asked)
    for option in fields(Asked):
        if getattr(asked, option.name) is not None and option.name not in format_.options:
            raise UserError(f"--{option.name}: means nothing for the format {format_.name} of {path}")
    raw = _read(format_, file, asked)
    told = [f"format: {format_.name}" + (f", {raw.told}" if isinstance(raw, RawSet) and raw.told else "")]
    if isinstance(raw, DistilledSet):
        for key, given in {"normalisation": normalisation, "epochs": epochs}.items():
            if given is not None:
                raise UserError(f"--{key}: means nothing for {path}, which says everything itself")
        if dataset is not None:
            raw.check(dataset, whitens=True)
        warning = other_data(raw, dataset) if dataset is not None else ""
        return Imported(raw, told, [warning] if warning else [])
    if dataset is None:
        raise UserError(f"--data: {path} does not say what it was distilled from; name the prepared dataset")
    images = checked_images(raw, dataset, path)
    labels = checked_labels(raw, images, dataset, path)
    if raw.lr is not None and not epochs:
        told.append(f"a learned rate: {raw.lr:.4g}; --epochs N makes N passes at it the native protocol")
    if raw.labels_are == "targets":
        told.append(f"labels: {TARGETS}")
    pixels = normalised(images, _normalisation(format_, normalisation, raw, path), dataset)
    lrs = _rates(raw, len(images), epochs, path)
    info = {
        "dataset": dataset.origin,
        "classes": dataset.classes,
        "config": _config(labels, lrs, len(dataset.classes), net),
        "imported_from": _origin(file, format_, raw, asked),
        "made with": provenance(),
    }
    if pixels.whitening:
        info["whitening"] = {"kind": pixels.whitening, "data": dataset.info["sha256"]}
    distilled = DistilledSet(pixels.images, labels, lrs, pixels.mean, pixels.std, info=info)
    return Imported(distilled, told, _warnings(pixels))


def _read(format_: SetFormat, file: ForeignFile, asked: Asked) -> RawSet | DistilledSet:
    """What the file holds; a file of another shape than its format has raises errors of any kind in the reader."""
    try:
        return format_.read(file, asked)
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
        if ran_out(error):
            raise
        raise UserError(
            f"{file.path}: cannot be read as {format_.name} ({reason(error)[:100]}); name another --format, or see "
            "whether the file is whole"
        ) from error


def recognised(file: ForeignFile, asked: Asked) -> SetFormat:
    """The format of a file.

    Raises:
        UserError: it is of none, or its labels are missing.
    """
    for format_ in FORMATS.values():
        if format_.recognises(file, asked):
            return format_
    raise UserError(f"{file.path}: of no format that is known by its content; name it by --format")


def _normalisation(format_: SetFormat, given: str | None, raw: RawSet, path: Path) -> str:
    """How the images are normalised, by what the user or the format says."""
    if getattr(raw.images, "dtype", None) == torch.uint8:
        if given not in (None, "pixels"):
            raise UserError(f"--normalisation: {path} holds bytes, which are pixels, not {given}")
        return "pixels"
    name = given or format_.normalisation
    if name is None:
        raise UserError(
            f"--normalisation: {path} does not say how its images are normalised; say one of "
            f"{', '.join(NORMALISATIONS)} (`python -m dd import --help`)"
        )
    return name


def _rates(raw: RawSet, steps: int, epochs: int | None, path: Path) -> Tensor:
    """The learned rates `[epochs, steps]`; of no epochs if the set has no training of its own."""
    if epochs is not None and raw.lr is None:
        raise UserError(f"--epochs: {path} has no learned rate for them")
    rates = raw.lrs if raw.lrs is not None else torch.full((epochs or 0, steps), raw.lr or 0.0)
    if not (rates.isfinite() & (rates > 0)).all():
        raise UserError(f"{path}: a learning rate is no positive number; the file is damaged")
    return rates.float()


def _config(labels: Tensor, lrs: Tensor, classes: int, net: str) -> dict[str, Any]:
    """What is known of the settings, by the names that our own sets have."""
    epochs, steps = lrs.shape
    return {
        "net": net,
        "init": "random",
        "init_scheme": "default",  # others leave it to PyTorch
        "steps": steps,
        "epochs": epochs,
        "images_per_class": max(1, labels.shape[1] // classes),
        "soft_labels": labels.ndim == 3,
        "train_on_all": True,  # others keep no training images aside
        "seed": 0,
    }


def _origin(file: ForeignFile, format_: SetFormat, raw: RawSet, asked: Asked) -> dict[str, Any]:
    """Where the set comes from, for its metadata."""
    origin: dict[str, Any] = {"format": format_.name, "file": file.path.name, "sha256": file.digest}
    if raw.others:
        origin["others"] = {path.name: sha256(path) for path in raw.others}
    if "experiment" in format_.options:
        origin["experiment"] = asked.experiment or 0
    if raw.lr is not None:
        origin["lr"] = raw.lr
    if raw.labels_are == "targets":
        origin["labels"] = TARGETS
    if raw.accuracies:
        origin["accuracies"] = raw.accuracies
    return origin


def _warnings(pixels: Normalised) -> list[str]:
    return [pixels.warning] if pixels.warning else []
