"""Distilled images during distillation: some of them are kept at a few meta-steps, for the page of the experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dd.runtime.errors import UserError
from dd.runtime.files import load_tensors, save_tensors

COUNT = 10
"""Snapshots, at most."""
SPREAD = 200
"""The first after meta-step 0 is at this share of all; each later one is the same number of times further on."""
KEY = "snapshot."


class LoadedSnapshots(NamedTuple):
    """The snapshots of a distillation."""

    meta_steps: list[int]
    classes: list[int]
    """Those whose images are seen: all that the first GD step has."""
    images: Tensor
    """`[snapshots, classes, *image_shape]`, normalised."""


class Snapshots:
    """The first image of each class in the first GD step, at meta-step 0 and others, further and further apart."""

    def __init__(self, meta_steps: int, classes_of_images: Sequence[int]) -> None:
        """For a distillation of so many meta-steps, whose first GD step begins with images of these classes."""
        self.due = due(meta_steps)
        self.classes = sorted(set(classes_of_images))
        self.rows = [list(classes_of_images).index(label) for label in self.classes]
        self.images: dict[int, Tensor] = {}

    def take(self, meta_step: int, images: Tensor) -> None:
        """Keep what is to be kept of `images [steps, n, *image_shape]`, if a snapshot is due."""
        if meta_step in self.due:
            self.images[meta_step] = images[0, self.rows].detach().clone()

    def state(self) -> dict[str, Tensor]:
        """Everything a restart needs."""
        return {f"{KEY}{meta_step}": images for meta_step, images in self.images.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from a `state`, which may be among other tensors."""
        kept = {name.removeprefix(KEY): images for name, images in tensors.items() if name.startswith(KEY)}
        self.images = {int(meta_step): images for meta_step, images in kept.items()}

    def save(self, path: Path) -> None:
        """Write a `.safetensors`."""
        meta_steps = sorted(self.images)
        images = torch.stack([self.images[meta_step].cpu() for meta_step in meta_steps])
        save_tensors(path, {"images": images}, {"meta_steps": meta_steps, "classes": self.classes})


def due(meta_steps: int) -> set[int]:
    """The meta-steps at which snapshots are taken."""
    first = max(1.0, meta_steps / SPREAD)
    ratio = (meta_steps / first) ** (1 / (COUNT - 2))
    return {0, meta_steps, *(round(first * ratio**index) for index in range(COUNT - 1))}


def load_snapshots(path: Path) -> LoadedSnapshots:
    """Read what `Snapshots.save` wrote.

    Raises:
        UserError: the file is missing, damaged, or something else.
    """
    tensors, values = load_tensors(path)
    if set(tensors) != {"images"} or set(values) != {"meta_steps", "classes"}:
        raise UserError(f"{path}: no snapshots; give the file that `python -m dd distill --snapshots` wrote")
    return LoadedSnapshots(values["meta_steps"], values["classes"], tensors["images"])


def check_snapshots(path: Path, snapshots: LoadedSnapshots, images: Tensor) -> None:
    """Refuse snapshots whose last images are not among those of a set's first GD step, `images [n, *image_shape]`.

    Raises:
        UserError: they are of another set.
    """
    last = snapshots.images[-1]
    same_shape = last.shape[1:] == images.shape[1:]
    if not (same_shape and all((images == image).flatten(1).all(1).any() for image in last)):
        raise UserError(f"{path}: snapshots of another set; give those of this one")
