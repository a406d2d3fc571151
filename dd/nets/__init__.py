"""The networks known by name. To add one, add a file to this package and a line to `NETWORKS`.

Planning and the help import this module, so it names the classes without importing them.
"""

from dataclasses import dataclass
from typing import Any

from dd.runtime.errors import UserError
from dd.runtime.lazy import module_of_package


@dataclass(frozen=True)
class NamedNetwork:
    """A network known by name."""

    path: str
    """Where its class is: `package.module:Class`."""
    description: str
    """What it is, in one line of help."""
    memory_mb: int = 0
    """MiB that a job needs for each process, in addition to those of a small network."""
    image_mflop: float = 200.0
    """Millions of operations to train it on one real image of the size it is used with, forward and backward."""
    shared_sizes: tuple[int, ...] = ()
    """Pixels a side of images that all take the same weights; a pool for one of these sizes serves the others too."""


NETWORKS: dict[str, NamedNetwork] = {
    "LeNet": NamedNetwork(
        "dd.nets.lenet:LeNet", "the paper's network for MNIST", image_mflop=3.2, shared_sizes=(28, 32)
    ),
    "AlexCifarNet": NamedNetwork("dd.nets.alexcifar:AlexCifarNet", "the paper's network for CIFAR-10", image_mflop=209),
    "AlexNet": NamedNetwork(
        "dd.nets.alexnet:AlexNet",
        "the paper's network with ImageNet weights (Table 3)",
        memory_mb=6000,
        image_mflop=4261,
    ),
    "ConvNet3": NamedNetwork(
        "dd.nets.convnet:ConvNet3", "the network on which the field compares distilled sets", image_mflop=305
    ),
    "ConvNet3Narrow": NamedNetwork(
        "dd.nets.convnet:ConvNet3Narrow", "the same with 32 channels, for CPUs", image_mflop=23
    ),
    "EfficientNetLite0": NamedNetwork(
        "dd.nets.efficientnet:efficientnet_lite0",
        "with ImageNet weights that pip can install",
        memory_mb=2000,
        image_mflop=2304,
    ),
    "SvhnCNN": NamedNetwork("dd.nets.svhn_cnn:SvhnCNN", "with SVHN weights that pip can install", image_mflop=235),
    "MLP": NamedNetwork("dd.nets.mlp:MLP", "the field's multi-layer perceptron", image_mflop=3),
    "AlexNet32": NamedNetwork(
        "dd.nets.alexnet32:AlexNet32", "the field's AlexNet for 28 and 32 pixels", image_mflop=1470
    ),
    "VGG11": NamedNetwork(
        "dd.nets.vgg11:VGG11", "the field's VGG-11 for 28 and 32 pixels, with instance norm", image_mflop=917
    ),
    "ResNet18": NamedNetwork(
        "dd.nets.resnet18:ResNet18", "the field's ResNet-18 for 28 and 32 pixels, with instance norm", image_mflop=3333
    ),
    "ResNet18BN": NamedNetwork(
        "dd.nets.resnet18:ResNet18BN",
        "the same with batch norm, for training on sets of other networks",
        image_mflop=3333,
    ),
}
"""Every network known by name, in the order of the help. `memory_mb` is measured in benchmarks/README.md (Table 3)."""


def class_path(name: str) -> str:
    """The path `package.module:Class` of a network: of one of `NETWORKS`, or a user's own.

    Raises:
        UserError: `name` is neither one of `NETWORKS` nor a path of that form.
    """
    if name in NETWORKS:
        return NETWORKS[name].path
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        known = ", ".join(NETWORKS)
        raise UserError(f"net {name!r} is not known: use one of {known}, or your own as package.module:Class")
    return name


def take_same_weights(net: str, size: int, other: int) -> bool:
    """Whether the weights of `net` for images of `size` pixels a side are also weights for those of `other` pixels."""
    shared = NETWORKS[net].shared_sizes if net in NETWORKS else ()
    return size == other or {size, other} <= set(shared)


def module_of(name: str) -> str:
    """The module that defines a network: one of `NETWORKS`, or a user's own. It raises what `class_path` raises.

    A digest of code that builds the network must name this module, because no import statement leads to it.
    """
    return class_path(name).partition(":")[0]


def __getattr__(name: str) -> Any:
    # earlier versions had `build` here
    if name == "build":
        from dd.nets.factory import build

        return build
    return module_of_package(__name__, name)
