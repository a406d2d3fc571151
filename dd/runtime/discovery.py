"""Finds what is declared in the files of a package, such as all datasets or all baselines.

Planning a workflow and printing a command's help read the declarations. So a module that has one must be quick to
import: it imports torch, numpy and the like inside its functions.
"""

import importlib
import re
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol, TypeVar

from dd.runtime.errors import UserError


class Declaration(Protocol):
    """What a declaration must have."""

    @property
    def name(self) -> str:
        """The name by which users choose it."""

    @property
    def order(self) -> int:
        """Its position in help and tables: smaller numbers come first; equal numbers are sorted by name."""


class Described(Protocol):
    """A declaration with a description."""

    @property
    def description(self) -> str:
        """What it is, in one line of help."""


T = TypeVar("T", bound=Declaration)


def declared(package: str, kind: type[T], attribute: str) -> dict[str, T]:
    """What the modules of `package` declare as `attribute`, by name and in their `order`.

    A module without a line that begins with `attribute` and `=` or `:` is not imported. For example
    `declared("dd.data.datasets", NamedDataset, "DATASET")`.

    Raises:
        UserError: two files declare the same name, or a declaration is not a `kind`.
    """
    found: dict[str, T] = {}
    files: dict[str, Path] = {}
    declares = re.compile(rf"^{attribute}\s*[:=]", re.MULTILINE)
    for module in iter_modules(importlib.import_module(package).__path__, f"{package}."):
        spec = find_spec(module.name)
        if spec is None or spec.origin is None:
            continue
        path = Path(spec.origin)
        if not declares.search(path.read_text(encoding="utf-8")):
            continue
        declaration = getattr(importlib.import_module(module.name), attribute)
        if not isinstance(declaration, kind):
            raise UserError(f"{path}: {attribute} is a {type(declaration).__name__}; it must be a {kind.__name__}")
        name = declaration.name
        if name in found:
            raise UserError(f"{path}: the name {name!r} is taken by {files[name]}; choose another name")
        found[name] = declaration
        files[name] = path
    return {each.name: each for each in sorted(found.values(), key=lambda each: (each.order, each.name))}
