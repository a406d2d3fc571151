"""Every setting of one distillation, with its meaning."""

import math
from dataclasses import dataclass

from dd.runtime.errors import UserError
from dd.runtime.settings import Settings, setting

PAPERS = {"soft_labels": False, "shuffle_steps": False, "start": "noise", "momentum": 0.0, "init_scheme": "xavier"}
"""The paper's way, where another is another method; what differs in the recipe alone is in docs/recipe.md."""
POISONING = ("accuracy", "misled", "others", "clean")
"""What is measured of a set with an `attack_class`: `dd.distill.measures.poisoning`."""


@dataclass(frozen=True)
class DistillConfig(Settings):
    """The settings of Algorithm 1. The defaults are the authors' for MNIST and random initialisation."""

    net: str = setting(
        "LeNet",
        "network: LeNet, AlexCifarNet, AlexNet, ConvNet3, EfficientNetLite0, MLP, or your own as package.module:Class",
    )
    init: str = setting(
        "random",
        "initial weights (Section 3.5): a new draw every time, one fixed draw, nets of a pool, or one pre-trained net",
        ("random", "fixed", "random_pretrained", "fixed_pretrained"),
    )
    init_scheme: str = setting(
        "xavier", "initialisation scheme that random initial weights are drawn by", ("xavier", "he", "default")
    )
    pool_net: int = setting(0, "which training net of the pool is the one of init fixed_pretrained", least=0)
    attack_class: int = setting(-1, "poisoning (Section 3.6): label whose images ... (-1: none)", least=-1)
    target_class: int = setting(-1, "... are to be taken for this one", least=-1)
    steps: int = setting(10, "GD steps in one epoch, each with its own distilled images", least=1)
    epochs: int = setting(3, "passes over the distilled images", least=1)
    images_per_class: int = setting(1, "distilled images per class in each step", least=1)
    start: str = setting(
        "noise", "what the images start from: noise, or real training images of their class", ("noise", "real")
    )
    image_std: float = setting(1.0, "standard deviation of that noise", above=0)
    distill_lr: float = setting(0.02, "where the learned learning rates start", above=0)
    soft_labels: bool = setting(False, "learn the labels too, as probabilities of all classes")
    shuffle_steps: bool = setting(False, "draw the order of the steps in each epoch anew in every meta-step")
    momentum: float = setting(0.0, "momentum of the GD steps on distilled images; 0 is the paper's", least=0)
    nets: int = setting(4, "networks sampled for one meta-step (1 is enough for a fixed init)", least=1)
    real_batch: int = setting(1024, "real images judged in one meta-step", least=1)
    real_batch_growth: int = setting(1, "times as many of them in the second half of the meta-steps", least=1)
    meta_steps: int = setting(23_200, "updates of the distilled images", least=1)
    meta_lr: float = setting(0.01, "Adam's rate for images and learning rates", above=0)
    meta_beta1: float = setting(0.5, "Adam's beta1", least=0)
    schedule: str = setting("halve", "how meta_lr falls", ("halve", "cosine", "constant"))
    halve_every: int = setting(2_320, "meta-steps after which schedule `halve` halves meta_lr", least=1)
    clip: float = setting(2.0, "clip the meta-gradient at this many times its running norm; 0 never clips", least=0)
    clip_adjoint: float = setting(
        0.0, "clip each net's adjoint at this many times its norm at the last GD step; 0 never clips", least=0
    )
    clip_adjoint_share: float = setting(
        1.0, "share of the meta-steps after which clip_adjoint grows, without bound towards the last", least=0
    )
    validation_images: int = setting(1_024, "training images kept aside to watch progress on", least=1)
    validation_nets: int = setting(4, "held-out networks to watch progress on", least=1)
    validate_every: int = setting(500, "meta-steps between two rows of the history", least=1)
    seed: int = setting(0, "every random number comes from this one", least=0)

    def __post_init__(self):
        super().__post_init__()
        for name in ("meta_beta1", "momentum"):
            if getattr(self, name) >= 1:
                raise UserError(f"{name}: {getattr(self, name)} must be below 1")
        if (self.attack_class < 0) != (self.target_class < 0):
            raise UserError("attack_class, target_class: give both for poisoning, or neither")
        if self.attacks and self.attack_class == self.target_class:
            raise UserError(f"target_class: {self.target_class} is the attack_class itself; choose another")
        if self.clip_adjoint_share > 1:
            raise UserError(f"clip_adjoint_share: {self.clip_adjoint_share} must be at most 1")

    @property
    def attacks(self) -> bool:
        """Whether the objective is poisoning."""
        return self.attack_class >= 0

    def real_batches_at(self, meta_step: int) -> range:
        """The batches of `real_batch` images that meta-step `meta_step` (counted from 0) judges."""
        half = self.meta_steps // 2
        if meta_step < half:
            return range(meta_step, meta_step + 1)
        first = half + (meta_step - half) * self.real_batch_growth
        return range(first, first + self.real_batch_growth)

    def clip_adjoint_at(self, meta_step: int) -> float:
        """`clip_adjoint` in meta-step `meta_step` (counted from 0): once its share of them has passed, it grows as one
        over the meta-steps left.
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


OLD_NAMES = {"init_law": "init_scheme"}
"""Names of settings in files of earlier versions."""


def current_names(settings: dict) -> dict:
    """Saved settings under today's names."""
    return {OLD_NAMES.get(name, name): value for name, value in settings.items()}
