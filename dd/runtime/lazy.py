"""Modules that are imported when they are first used, so that `import dd` is quick and yet all of dd can be reached."""

import sys
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def import_when_used(package: str) -> None:
    """Let `package.name` import that module of the package if nothing has imported it before.

    A package calls this with its `__name__`. So after `import dd`, `dd.data.prepared.save` works as it stands.
    """
    # set here: if packages defined it, type checkers would take every misspelt name in them for a module
    sys.modules[package].__getattr__ = partial(module_of_package, package)  # type: ignore[method-assign]


def module_of_package(package: str, name: str) -> ModuleType:
    """The module `name` of `package`.

    Raises:
        AttributeError: it has no such module.
    """
    if name.startswith("_") or find_spec(f"{package}.{name}") is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return import_module(f"{package}.{name}")
