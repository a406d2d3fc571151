"""Every setting of one distillation, with its meaning."""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import model_validator

from dd.distill.differentiable_augmentation import NONE, Strategy
from dd.distill.init_kinds import INITS
from dd.nets import NETWORKS
from dd.nets.init_schemes import INIT_SCHEMES
from dd.old_settings import OLD_SETTINGS
from dd.runtime.settings_model import (
    BelowOne,
    Count,
    Index,
    Label,
    NotNegative,
    OneOf,
    Positive,
    Settings,
    Share,
    mistake,
)

PAPERS = {
    "soft_labels": False,
    "shuffle_steps": False,
    "batch_per_class": 0,
    "start": "noise",
    "optimiser": "gd",
    "momentum": 0.0,
    "rates": "step",
    "fixed_rates": False,
    "window": 0,
    "dsa": NONE,
    "init_scheme": "xavier",
}
"""The paper's values of the settings that make another method. Settings of the recipe alone are in docs/recipe.md."""
ROWS = 20
"""Rows of the history, besides the one at meta-step 0, if `validate_every` does not say how many there are."""
POISONING = ("accuracy", "misled", "others", "clean", "attacked")
"""The measurements of a set with an `attack_class`: see `dd.distill.metrics.poisoning`."""

NetworkName = Annotated[
    str,
    OneOf.of(
        NETWORKS,
        own="package.module:Class",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
    ),
]
InitName = Annotated[str, OneOf.of(INITS)]
InitScheme = Annotated[str, OneOf.of(INIT_SCHEMES)]


class DistillSettings(Settings):
    """Settings of Algorithm 1, each by itself: what experiments start from need not be a whole experiment."""

    old_names: ClassVar[Mapping[str, str]] = OLD_SETTINGS

    net: NetworkName = "LeNet"
    """network"""
    init: InitName = "random"
    """initial weights (Section 3.5)"""
    init_scheme: InitScheme = "xavier"
    """initialisation scheme that random initial weights are drawn by"""
    pool_net: Index = 0
    """number of the training net of the pool that init fixed_pretrained uses"""
    attack_class: Label = -1
    """poisoning (Section 3.6): images of this class, counted from 0, are to be taken for `target_class`; -1: none"""
    target_class: Label = -1
    """poisoning: the class that those images are to be taken for; -1: none"""
    steps: Count = 10
    """GD steps in one epoch, each with its own distilled images"""
    epochs: Count = 3
    """passes over the distilled images"""
    images_per_class: Count = 1
    """distilled images per class in each step"""
    start: Literal["noise", "real"] = "noise"
    """what the images start from: noise, or real training images of their class"""
    image_std: Positive = 1.0
    """standard deviation of that noise, in normalised pixels"""
    distill_lr: Positive = 0.02
    """the value that all learning rates start from"""
    soft_labels: bool = False
    """learn the labels too, as probabilities of all classes"""
    shuffle_steps: bool = False
    """draw the order of the steps in each epoch anew in every meta-step"""
    batch_per_class: Index = 0
    """train on minibatches of so many images of each class, drawn from those of all steps; 0: each step has its own"""
    optimiser: Literal["gd", "adam"] = "gd"
    """what the GD steps on distilled images are: gradient descent, or Adam's"""
    momentum: BelowOne = 0.0
    """momentum of the GD steps on distilled images; 0 is the paper's"""
    rates: Literal["step", "epoch", "one"] = "step"
    """what has a learning rate of its own: each step of each epoch, each epoch, or nothing: one for all"""
    fixed_rates: bool = False
    """do not learn the learning rates: all stay at distill_lr"""
    window: Index = 0
    """GD steps that the meta-gradient goes back through, which end anywhere in the training; 0: all"""
    dsa: Strategy = NONE
    """differentiable augmentation: how distilled images are changed at random at every GD step"""
    dsa_crop: Share = 0.125
    """how far dsa's crop shifts at most, as a share of the image's side"""
    dsa_real: bool = False
    """change the real images that meta-steps judge too, by the same dsa"""
    nets: Count = 4
    """networks sampled for one meta-step (1 is enough for a fixed init)"""
    real_batch: Count = 1024
    """real images judged in one meta-step"""
    real_batch_growth: Count = 1
    """how many times as many real images are judged in the second half of the meta-steps"""
    short_batches: bool = False
    """judge the last images of a pass too, which do not fill a real_batch, as the authors did"""
    meta_steps: Count = 23_600
    """updates of the distilled images"""
    meta_lr: Positive = 0.01
    """Adam's rate for images and learning rates"""
    meta_beta1: BelowOne = 0.5
    """Adam's beta1"""
    schedule: Literal["halve", "cosine", "constant"] = "halve"
    """how meta_lr falls"""
    halve_every: Count = 2_360
    """meta-steps after which schedule `halve` halves meta_lr"""
    clip: NotNegative = 2.0
    """clip the meta-gradient at this many times its running norm; 0 never clips"""
    clip_adjoint: NotNegative = 0.0
    """clip each net's adjoint at this many times its norm at the last GD step; 0 never clips"""
    clip_adjoint_share: Share = 1.0
    """share of the meta-steps after which clip_adjoint grows, without bound towards the last"""
    validation_images: Count = 1_024
    """training images to watch progress on, kept out of training"""
    train_on_all: bool = False
    """train on the validation_images too, as the authors did; the history's accuracy is then no held-out one"""
    validation_nets: Count = 4
    """held-out networks to watch progress on"""
    validate_every: Index = 0
    """meta-steps between two rows of the history; 0: as many as make some 20 rows"""
    seed: Index = 0
    """every random number comes from this one"""


class DistillConfig(DistillSettings):
    """The settings of Algorithm 1. The defaults are the authors' for MNIST and random initialisation.

    They differ in `train_on_all` and `short_batches`: what progress is watched on is held out, and batches are whole.
    """

    @model_validator(mode="after")
    def _poisons_or_not(self) -> Self:
        classes = {"attack_class": self.attack_class, "target_class": self.target_class}
        for key, label in classes.items():
            if label < 0 <= max(classes.values()):
                raise mistake("is missing; poisoning needs attack_class and target_class", key)
        if self.attacks and self.attack_class == self.target_class:
            raise mistake(f"{self.target_class} is the attack_class itself; choose another", "target_class")
        return self

    def missing_class(self, dataset: str, classes: int) -> str:
        """What is wrong if the dataset lacks a class that poisoning needs, in one line; empty if it lacks none."""
        for key, label in (("attack_class", self.attack_class), ("target_class", self.target_class)):
            if label >= classes:
                return f"{key}: {label}, but {dataset} has classes 0 to {classes - 1}"
        return ""

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        of_class = self.steps * self.images_per_class
        if self.batch_per_class and of_class % self.batch_per_class:
            raise mistake(
                f"{self.batch_per_class} must divide the {of_class} images of a class (steps x images_per_class)",
                "batch_per_class",
            )
        if self.batch_per_class and self.shuffle_steps:
            raise mistake("minibatches (batch_per_class) have no steps to shuffle; leave it out", "shuffle_steps")
        if self.optimiser == "adam" and self.momentum:
            raise mistake("is of optimiser gd; adam has its own, so leave it out", "momentum")
        if self.dsa_real and self.dsa == NONE:
            raise mistake("needs a dsa to change real images by; name one, or leave it out", "dsa_real")
        if self.window > (total := self.epochs * self.epoch_steps):
            raise mistake(f"{self.window} must be at most {total}, all GD steps (0 means all)", "window")
        return self

    @property
    def epoch_steps(self) -> int:
        """GD steps in one epoch."""
        return self.steps * self.images_per_class // self.batch_per_class if self.batch_per_class else self.steps

    @property
    def attacks(self) -> bool:
        """Whether the objective is poisoning."""
        return self.attack_class >= 0

    @property
    def validation_interval(self) -> int:
        """Meta-steps between two rows of the history."""
        return self.validate_every or math.ceil(self.meta_steps / ROWS)

    def real_batches_at(self, meta_step: int) -> range:
        """The batches of `real_batch` images that meta-step `meta_step` (counted from 0) judges."""
        half = self.meta_steps // 2
        if meta_step < half:
            return range(meta_step, meta_step + 1)
        first = half + (meta_step - half) * self.real_batch_growth
        return range(first, first + self.real_batch_growth)

    def clip_adjoint_at(self, meta_step: int) -> float:
        """`clip_adjoint` in meta-step `meta_step` (counted from 0).

        After the share `clip_adjoint_share` of the meta-steps, it grows in inverse proportion to the meta-steps left.
        """
        loose = (1 - self.clip_adjoint_share) * self.meta_steps
        return self.clip_adjoint * max(1.0, loose / (self.meta_steps - meta_step))

    def meta_lr_at(self, meta_step: int) -> float:
        """Adam's rate in meta-step `meta_step` (counted from 0)."""
        match self.schedule:
            case "halve":
                return self.meta_lr * 0.5 ** (meta_step // self.halve_every)
            case "cosine":
                return self.meta_lr * (1 + math.cos(math.pi * meta_step / self.meta_steps)) / 2
            case _:
                return self.meta_lr
