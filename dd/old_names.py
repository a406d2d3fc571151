"""Modules under the names that earlier versions had, for scripts that people have written against those."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

RENAMED = {
    "dd.data.dataset": "dd.data.prepared",
    "dd.data.official": "dd.data.official_files",
    "dd.distill.steps": "dd.distill.distilled_set",
    "dd.evaluate": "dd.evaluation.held_out",
    "dd.export": "dd.sets.export",
    "dd.nets.init": "dd.nets.init_schemes",
    "dd.runtime.artifacts": "dd.runtime.files",
    "dd.runtime.pools": "dd.pools.store",
}
"""New names by old ones, of modules that README, the docs or a tutorial named."""


class OldNames(MetaPathFinder, Loader):
    """Imports a module of `RENAMED` as the one that it is now."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module, if it is one of these."""
        del path, target
        return ModuleSpec(fullname, self) if fullname in RENAMED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module under its new name, with a warning."""
        new = RENAMED[spec.name]
        warnings.warn(f"{spec.name} is called {new} now", DeprecationWarning, stacklevel=2)
        module = import_module(new)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has been executed; Python has only put the old name's spec into it, which goes again."""
        module.__spec__ = self._spec


def install() -> None:
    """Let the old names be imported."""
    sys.meta_path.append(OldNames())
