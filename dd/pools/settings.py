"""How networks are trained on real images."""

from collections.abc import Mapping
from typing import ClassVar

from dd.distill.settings import InitScheme, NetworkName
from dd.old_settings import OLD_SETTINGS
from dd.runtime.settings_model import Count, Index, Positive, Settings


class TrainConfig(Settings):
    """How networks are trained on real images. The defaults are the authors' for MNIST."""

    epochs: Count = 40
    """passes over the training images"""
    lr: Positive = 2e-4
    """Adam's first rate"""
    halve_every: Count = 20
    """epochs after which the rate is halved"""
    batch: Count = 1024
    """images of a step"""
    seed: Index = 0
    """every random number comes from this one"""


class NetworkConfig(Settings):
    """Which networks, and how they begin."""

    old_names: ClassVar[Mapping[str, str]] = OLD_SETTINGS

    net: NetworkName = "LeNet"
    """network"""
    init_scheme: InitScheme = "xavier"
    """initialisation scheme that the weights are drawn by"""


class PoolConfig(TrainConfig, NetworkConfig):
    """What networks a pool has, and how they are trained."""
