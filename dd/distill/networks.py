"""Networks for inputs of any shape, made by name, by a class, by a function or as copies of one."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from dd.distill import session
from dd.nets import NETWORKS
from dd.nets.factory import imported, made
from dd.nets.trial import check_network
from dd.runtime.errors import UserError
from dd.runtime.settings_model import shortened

Network = str | Callable[..., nn.Module] | nn.Module
"""A name, a class, a function that makes networks, or one of those to make."""


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether inputs of this shape are square images `[C, S, S]`."""
    return len(shape) == 3 and shape[1] == shape[2]


def build_for(name: str, shape: tuple[int, ...], classes: int, seed: int = 0) -> nn.Module:
    """The network `name` for inputs of `shape`, without the batch, and that many classes, drawn from `seed`.

    Of `channels` and `size` (of square images), `shape` and `classes`, its class or function is given those it takes.

    Raises:
        UserError: what `build` raises; or a network of `NETWORKS` that is for square images is to take others.
    """
    if name in NETWORKS and not is_image(shape) and "shape" not in inspect.signature(imported(name)).parameters:
        cure = "; use MLP, or one of your own"
        if len(shape) == 2 and shape[0] == shape[1]:
            cure = "; add the axis of channels (images.unsqueeze(1))"
        inputs = ", ".join(map(str, ["N", *shape]))
        raise UserError(f"net {name}: takes square images [N, C, S, S], not inputs [{inputs}]{cure}")
    image = {"channels": shape[0], "size": shape[-1]} if is_image(shape) else {}
    return made(name, _taken(imported(name), image | {"shape": tuple(shape), "classes": classes}), seed)


def _taken(function: Callable[..., object], offered: dict[str, Any]) -> dict[str, Any]:
    """What a function takes of `offered`; if it takes anything, all but `shape`, or the `shape` where no size is."""
    wanted: set[str] = set()
    takes_any = True
    with contextlib.suppress(TypeError, ValueError):  # it hides what it takes, or is no function
        parameters = inspect.signature(function).parameters.values()
        takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
        wanted = {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    if takes_any:
        wanted |= {"channels", "size", "classes"} if "size" in offered else {"shape", "classes"}
    return {key: value for key, value in offered.items() if key in wanted}


def check_for(
    make: Callable[..., nn.Module], name: str, shape: tuple[int, ...], classes: int, *, net: nn.Module | None = None
) -> None:
    """Refuse a network that cannot be trained on inputs of this shape; see `dd.nets.trial.check_network`."""
    if is_image(shape):
        check_network(make, name, shape[0], shape[-1], classes, net=net)
        return
    # the trial makes images; of one pixel, with as many channels as an input has numbers, they are inputs once reshaped
    numbers = torch.Size(shape).numel()
    tried = _OnImages(net, shape) if net is not None else None
    check_network(lambda seed=0: _OnImages(make(seed=seed), shape), name, numbers, 1, classes, net=tried)


class _OnImages(nn.Module):
    """A network for inputs of any shape, which are given to it as images of one pixel."""

    def __init__(self, inner: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.inner, self.shape = inner, shape

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.reshape(len(x), *self.shape))


def name_of(net: Network, shape: tuple[int, ...], classes: int) -> str:
    """The name of a network that is given in Python: its own if it can be imported by it, or else one for this session.

    Raises:
        UserError: it is none, or makes none.
    """
    if isinstance(net, str):
        return net
    if isinstance(net, nn.Module):
        maker: Callable[..., nn.Module] = session.redrawn(net)
    elif callable(net):
        maker = net
    else:
        raise UserError(f"net: {shortened(net)} is neither a name nor a class or function that makes networks")
    module, attribute = getattr(maker, "__module__", None), getattr(maker, "__qualname__", "")
    if module and attribute.isidentifier():
        for name, known in NETWORKS.items():
            if known.path == f"{module}:{attribute}":
                return name
        if getattr(import_module(module), attribute, None) is maker:
            return f"{module}:{attribute}"
    # made once under a name that is known, to learn what it is
    return session.registered(maker, build_for(session.registered(maker, nn.Identity()), shape, classes))


def session_identity(name: str, net: nn.Module) -> dict[str, str]:
    """What decides a result for a network whose code is in no file that `dd.runtime.code_digest` follows."""
    return {"network": session.fingerprint(net)} if name.startswith("__main__:") else {}
