"""Networks that only this session of Python can make: lambdas, functions inside functions, copies of a module.

Each gets a name, `dd.distill.session:<name>`, by which everything else knows it, as if it were a user's own class. It
is gone when the session ends. The name has a digest of the network, so that no checkpoint is mixed with another one's.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Callable
from types import CellType, CodeType, FunctionType
from typing import Any, NoReturn

from torch import nn

from dd.runtime.errors import UserError

_MAKERS: dict[str, Callable[..., nn.Module]] = {}


def registered(maker: Callable[..., nn.Module] | nn.Module, example: nn.Module) -> str:
    """The name under which this session knows what makes networks; `example` is one that it has made."""
    named = maker if hasattr(maker, "__name__") else type(maker)
    label = re.sub(r"\W", "", getattr(named, "__name__", "network")) or "network"
    name = f"{label}_{fingerprint(example, maker)}"
    _MAKERS[name] = maker
    return f"{__name__}:{name}"


def redrawn(module: nn.Module) -> Callable[[], nn.Module]:
    """What makes copies of a network with weights drawn anew, as PyTorch's layers draw their own.

    Raises:
        UserError: a part of it has weights and no `reset_parameters`, which would draw them.
    """
    for name, part in module.named_modules():
        if list(part.parameters(recurse=False)) and not callable(getattr(part, "reset_parameters", None)):
            raise UserError(
                f"net {type(module).__name__}: {name or 'it'} has weights of its own, which a copy does not draw anew; "
                "give its class, or a function that makes it"
            )

    def copied() -> nn.Module:
        made = copy.deepcopy(module)
        for part in made.modules():
            if callable(reset := getattr(part, "reset_parameters", None)):
                reset()
        return made

    copied.__name__ = type(module).__name__
    return copied


def fingerprint(module: nn.Module, maker: object = None) -> str:
    """A digest of a network and of the function that made it, as far as they are Python.

    Of a network that is its layers with their attributes, the shapes of its weights and the code of its classes, in
    training mode or not.
    """
    told = [repr(module), _told(maker), *(f"{name} {tuple(p.shape)}" for name, p in module.named_parameters())]
    for name, part in module.named_modules():
        own = {key: value for key, value in vars(part).items() if not key.startswith("_") and key != "training"}
        told += [f"{name}.{key} {_told(value)}" for key, value in sorted(own.items())]
    for kind in dict.fromkeys(type(part) for part in module.modules()):
        if not kind.__module__.startswith("torch."):
            told += sorted(_code(f.__code__) for f in vars(kind).values() if hasattr(f, "__code__"))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


def _told(value: object) -> str:
    """A value as text that is the same in another session; of a function also the values that it has taken along."""
    if not isinstance(value, FunctionType):
        return _plain(value)
    taken = [_plain(cell.cell_contents) for cell in value.__closure__ or () if cell != CellType()]
    return f"{_plain(value)} {_plain(value.__defaults__)} {taken}"


def _plain(value: object) -> str:
    if value is None or isinstance(value, str | int | float | complex | bytes):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, FunctionType):
        return _code(value.__code__)
    return getattr(value, "__qualname__", type(value).__qualname__)


def _code(code: CodeType) -> str:
    return f"{code.co_code.hex()} {code.co_names} {[*map(_constant, code.co_consts)]}"


def _constant(value: object) -> str:
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, frozenset):  # in another session in another order
        return str(sorted(map(_constant, value)))
    return repr(value)


def __getattr__(name: str) -> Any:
    if name in _MAKERS:
        return _MAKERS[name]
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _refuse(name)


def _refuse(name: str) -> NoReturn:
    raise UserError(
        f"net {name.rpartition('_')[0]}: was made by a function in the session that distilled this set, which has "
        "ended; train such a network by .train(net), or give it again as net="
    )
