"""Networks by name, built from a seed."""

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from dd.nets import class_path
from dd.runtime.errors import UserError, reason
from dd.runtime.memory import ran_out
from dd.runtime.seeds import seeded


def build(name: str, channels: int, size: int, classes: int, seed: int = 0) -> nn.Module:
    """The network `name` for images `[channels, size, size]` and that many classes, as its class builds it from `seed`.

    `name` is one of `dd.nets.NETWORKS`, or a user's own class as `package.module:Class`. It is called as
    `Class(channels=..., size=..., classes=...)` and returns logits `[n, classes]`. It may draw from the global
    generators of PyTorch, NumPy and Python, whose states do not change.

    Raises:
        UserError: unknown name, a module or class that cannot be imported, or a class that refuses these images or does
            not make a `torch.nn.Module` whose weights can be trained as one row of 32-bit numbers.
    """
    return made(name, {"channels": channels, "size": size, "classes": classes}, seed)


def made(name: str, given: Mapping[str, Any], seed: int) -> nn.Module:
    """The network `name`, whose class or function is called with what is `given`; raises what `build` raises."""
    said = ", ".join(f"{key}={value!r}" for key, value in given.items()) or "nothing"
    with refusing(f"net {name}: ", f" (called with {said})"), seeded(seed):
        net = imported(name)(**given)
    if not isinstance(net, nn.Module):
        raise UserError(f"net {name}: makes a {type(net).__name__}; must be a torch.nn.Module")
    _check_weights(net, name)
    return net


@contextlib.contextmanager
def refusing(what: str, cure: str) -> Iterator[None]:
    """Turn whatever a user's code raises into a `UserError` of `what`, why and `cure`, except where memory runs out."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a user's own code can raise anything
        if ran_out(error):
            raise
        raise UserError(f"{what}{_why(error)}{cure}") from error


def _why(error: BaseException) -> str:
    """What an exception says, with its type unless the message is a sentence: that of a KeyError is only the key."""
    text = reason(error)
    if text and isinstance(error, (TypeError, ValueError, RuntimeError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def imported(name: str) -> Callable[..., nn.Module]:
    """The class or function that makes the network `name`.

    Raises:
        UserError: unknown name, or a module or class that cannot be imported.
    """
    module, _, attribute = class_path(name).partition(":")
    with refusing(f"net {name!r}: ", ""), seeded(0):  # a module may draw numbers when it is imported
        try:
            found = getattr(importlib.import_module(module), attribute)
        except AttributeError as error:
            raise UserError(f"net {name!r}: {error}") from error
        except ImportError as error:
            if ran_out(error):
                raise
            cure = "; is its folder on PYTHONPATH?" if error.name and module.startswith(error.name) else ""
            raise UserError(f"net {name!r}: {error}{cure}") from error
    # the name may come from a set of somebody else, and a class like subprocess.Popen must not be called
    if inspect.isbuiltin(found) or (inspect.isclass(found) and not issubclass(found, nn.Module)):
        raise UserError(f"net {name!r}: is no torch.nn.Module, nor a function that makes one")
    return found


def _check_weights(net: nn.Module, name: str) -> None:
    """Refuse weights that cannot be trained as one row of 32-bit numbers."""
    weights = dict(net.named_parameters())
    if not weights:
        raise UserError(f"net {name}: has no weights to train; give it layers such as nn.Linear")
    if any(map(is_lazy, [*net.parameters(), *net.buffers()])):
        raise UserError(f"net {name}: has lazy layers, whose weights do not exist yet; give them their input sizes")
    if any(isinstance(module, torch.jit.ScriptModule) for module in net.modules()):
        raise UserError(f"net {name}: is compiled by torch.jit, which takes no weights from outside; leave that out")
    for key, values in weights.items():
        if not values.requires_grad:
            raise UserError(
                f"net {name}: {key} has requires_grad=False, but all parameters are trained here; make it a buffer "
                "(register_buffer) or leave that out"
            )
        if values.dtype != torch.float32:
            raise UserError(f"net {name}: {key} is {values.dtype}; weights must be torch.float32")
        if any(step == 0 and size > 1 for step, size in zip(values.stride(), values.shape, strict=True)):
            raise UserError(f"net {name}: numbers of {key} share one place in memory; add .clone() after .expand()")
        if values.device.type != "cpu":
            raise UserError(f"net {name}: {key} is on {values.device}; build it on the CPU, and it is moved for you")


def remark(net: nn.Module, name: str) -> str:
    """What users may not expect of layers in evaluation mode, in one line; empty if there are no such layers."""
    effects = {}
    for layer in net.modules():
        if isinstance(layer, nn.modules.dropout._DropoutNd):
            effects[type(layer).__name__] = "drops nothing"
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            effects[type(layer).__name__] = (
                "uses stored statistics, never the batch's (unless pre-trained, they are mean 0 and variance 1, which "
                "normalise nothing; nn.GroupNorm normalises)"
            )
    if not effects:
        return ""
    text = " and ".join(f"{layer} {effect}" for layer, effect in effects.items())
    return f"net {name}: layers stay in evaluation mode: {text}"
