"""Networks: the paper's, the field's, and many of them computed at once."""

from typing import NamedTuple


class Network(NamedTuple):
    """A network known by name."""

    path: str
    """Where its class is, as package.module:Class."""
    description: str
    memory_mb: int = 0
    """MiB that a process with it needs more than one with a small network (benchmarks/README.md, Table 3)."""


NETWORKS = {
    "LeNet": Network("dd.nets.lenet:LeNet", "the paper's for digits"),
    "AlexCifarNet": Network("dd.nets.alexcifar:AlexCifarNet", "the paper's for CIFAR-10"),
    "AlexNet": Network("dd.nets.alexnet:AlexNet", "torchvision's, for photos", 6000),
    "ConvNet3": Network("dd.nets.convnet:ConvNet3", "three convolutions, the field's"),
    "EfficientNetLite0": Network("dd.nets.efficientnet:efficientnet_lite0", "a small one for photos", 2000),
    "MLP": Network("dd.nets.mlp:MLP", "a multilayer perceptron"),
}
"""Networks by name."""


def module_of(name: str) -> str:
    """The module that defines a network of `NETWORKS` or a user's own, given as package.module:Class."""
    path = NETWORKS[name].path if name in NETWORKS else name
    return path.partition(":")[0]
