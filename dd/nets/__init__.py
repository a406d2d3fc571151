"""Networks by name: the paper's, or a user's own as `package.module:Class`."""

import importlib

from torch import nn

from dd.nets.alexcifar import AlexCifarNet
from dd.nets.lenet import LeNet
from dd.runtime.errors import UserError

NETS: dict[str, type[nn.Module]] = {"LeNet": LeNet, "AlexCifarNet": AlexCifarNet}


def build(name: str, channels: int, size: int, classes: int) -> nn.Module:
    """The network `name` for images `[channels, size, size]` and that many classes.

    A user's own class is called as `Class(channels=..., size=..., classes=...)` and returns logits `[n, classes]`.

    Raises:
        UserError: unknown name, a module or class that cannot be imported, or one that refuses these images.
    """
    cls = NETS.get(name) or _import(name)
    try:
        return cls(channels=channels, size=size, classes=classes)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"net {name}: {error} (called with {channels=}, {size=}, {classes=})") from error


def _import(name: str) -> type[nn.Module]:
    module, colon, attribute = name.partition(":")
    if not colon:
        raise UserError(f"net {name!r} is not known: use one of {', '.join(NETS)}, or your own as package.module:Class")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"net {name!r}: {error}; is its folder on PYTHONPATH?") from error
