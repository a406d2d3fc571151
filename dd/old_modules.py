"""Names of modules in earlier versions, for scripts written against those."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

OLD_MODULES = {
    "dd.data.dataset": "dd.data.prepared",
    "dd.distill.steps": "dd.distill.distilled_set",
    "dd.evaluate": "dd.evaluation.held_out",
    "dd.export": "dd.sets.export",
    "dd.nets.init": "dd.nets.init_schemes",
    "dd.runtime.artifacts": "dd.runtime.files",
    "dd.runtime.pools": "dd.pools.store",
}
"""The new name of each renamed module that README, the docs or a tutorial mentioned, by its old name."""


class OldNames(MetaPathFinder, Loader):
    """Imports a module by its old name in `OLD_MODULES`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of `OLD_MODULES`; None for any other."""
        del path, target
        return ModuleSpec(fullname, self) if fullname in OLD_MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module under its new name, with a warning."""
        new = OLD_MODULES[spec.name]
        warnings.warn(f"{spec.name} is called {new} now", DeprecationWarning, stacklevel=2)
        module = import_module(new)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore the module's own spec, which Python has replaced; the module itself has already been executed."""
        module.__spec__ = self._spec


def install() -> None:
    """Make the old names importable."""
    sys.meta_path.append(OldNames())
