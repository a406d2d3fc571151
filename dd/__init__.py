"""Dataset Distillation (Wang, Zhu, Torralba, Efros 2018): a training set compressed into a handful of images.

>>> import dd
>>> distilled = dd.distill(images, labels, "LeNet", meta_steps=1000)  # images: uint8 [n, C, H, W]
>>> distilled.save("set.safetensors")
>>> net = distilled.train(distilled.net())
>>> predicted = net(distilled.normalise(images)).argmax(1)
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import dd.distill as _distill_package
from dd import old_modules
from dd.runtime.lazy import module_of_package

if TYPE_CHECKING:
    import pandas as pd

    from dd.api.distilled_set import DistilledSet
    from dd.api.distilling import distill as distill
    from dd.pools.store import PoolFolder

old_modules.install()

__version__ = "0.2.0"
__all__ = ["DistilledSet", "__version__", "distill", "load", "load_pool", "published", "shipped"]


class _Distill(ModuleType):
    """The package `dd.distill`, which is also what distils: `dd.distill(images, labels, net, ...)`."""

    def __call__(self, *arguments: Any, **options: Any) -> DistilledSet:
        from dd.api.distilling import distill as function

        return function(*arguments, **options)


_distill_package.__class__ = _Distill


def load(path: Path | str) -> DistilledSet:
    """The distilled set saved at `path`, or one of `published` by its name.

    Raises:
        dd.runtime.errors.UserError: the file is missing, damaged, or not a distilled set; of another program's set, it
            says how it is imported.
    """
    from dd.api.distilled_set import DistilledSet
    from dd.api.published import path_of
    from dd.sets.foreign import refuse_foreign

    path = path_of(path)
    refuse_foreign(path)
    return DistilledSet.load(path)


def published() -> pd.DataFrame:
    """The published sets that this checkout or installed package holds: a row for each, to `load` by its `name`."""
    from dd.api.published import published_sets

    return published_sets()


def load_pool(folder: Path | str) -> PoolFolder:
    """The pool of trained networks in `folder`, for `DistilledSet.net(pool=...)` (Section 3.5).

    Raises:
        dd.runtime.errors.UserError: the folder is missing, or a shard is damaged, missing or of another pool.
    """
    from dd.pools.store import PoolFolder

    return PoolFolder(Path(folder))


def shipped() -> Path:
    """The folder of what comes with the package beside its code: the checkout, or its copy in an installed package.

    It holds `config.yaml`, `Snakefile`, `profiles`, `workflow` with the scales and the schema of the config, and
    `results/published` with the published measurements, figures and sets.
    """
    package = Path(__file__).parent
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent


def __getattr__(name: str) -> Any:
    # `import dd` does not import torch, which takes seconds, until something that needs it is used
    if name == "DistilledSet":
        from dd.api.distilled_set import DistilledSet

        return DistilledSet
    return module_of_package(__name__, name)
