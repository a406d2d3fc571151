"""Networks by name: the paper's, EfficientNet-Lite0, or a user's own as `package.module:Class`."""

import importlib
from collections.abc import Callable

import torch
from torch import nn

from dd.nets.alexcifar import AlexCifarNet
from dd.nets.alexnet import AlexNet
from dd.nets.efficientnet import efficientnet_lite0
from dd.nets.lenet import LeNet
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator

NETS: dict[str, Callable[..., nn.Module]] = {
    "LeNet": LeNet,
    "AlexCifarNet": AlexCifarNet,
    "AlexNet": AlexNet,
    "EfficientNetLite0": efficientnet_lite0,
}


def build(name: str, channels: int, size: int, classes: int, seed: int = 0) -> nn.Module:
    """The network `name` for images `[channels, size, size]` and that many classes, as its class builds it from `seed`.

    A user's own class is called as `Class(channels=..., size=..., classes=...)` and returns logits `[n, classes]`. The
    global random state is as before.

    Raises:
        UserError: unknown name, a module or class that cannot be imported, or one that refuses these images.
    """
    cls = NETS.get(name) or _import(name)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed every GPU as well
            return cls(channels=channels, size=size, classes=classes)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"net {name}: {error} (called with {channels=}, {size=}, {classes=})") from error


def try_out(net: nn.Module, name: str, channels: int, size: int, classes: int) -> None:
    """Refuse a network that does not turn such images into such logits, each by itself, before any training.

    Raises:
        UserError: it fails on two images, returns something else than `[2, classes]`, or judges an image by the others.
    """
    images = torch.randn(2, channels, size, size, generator=generator(0, "try out"))
    try:
        with torch.no_grad():
            logits, alone = net.eval()(images), net(images[:1])
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(f"net {name}: fails on images [2, {channels}, {size}, {size}]: {reason}") from error
    if logits.shape != (2, classes):
        raise UserError(
            f"net {name}: returns {list(logits.shape)} for 2 images of {classes} classes; must be [2, {classes}]"
        )
    if not torch.allclose(logits[:1], alone, rtol=1e-3, atol=1e-4):
        raise UserError(
            f"net {name}: what it makes of an image depends on the others in the batch; use a norm without batch "
            "statistics, such as nn.GroupNorm"
        )


def _import(name: str) -> Callable[..., nn.Module]:
    module, colon, attribute = name.partition(":")
    if not colon:
        raise UserError(f"net {name!r} is not known: use one of {', '.join(NETS)}, or your own as package.module:Class")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"net {name!r}: {error}; is its folder on PYTHONPATH?") from error
