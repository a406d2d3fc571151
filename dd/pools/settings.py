"""How networks are trained on real images."""

from dataclasses import dataclass

from dd.runtime.settings import Settings, setting


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How networks are trained on real images. The defaults are the authors' for MNIST."""

    epochs: int = setting(40, "passes over the training images", least=1)
    lr: float = setting(2e-4, "Adam's first rate", above=0)
    halve_every: int = setting(20, "epochs after which the rate is halved", least=1)
    batch: int = setting(1024, "images of a step", least=1)
    seed: int = setting(0, "every random number comes from this one", least=0)


@dataclass(frozen=True)
class PoolConfig(TrainConfig):
    """What networks a pool has."""

    net: str = setting("LeNet", "network: LeNet, AlexCifarNet, ConvNet3, MLP, or your own as package.module:Class")
    init_scheme: str = setting(
        "xavier", "initialisation scheme that the weights are drawn by", ("xavier", "he", "default")
    )
