"""Dataset Distillation (Wang, Zhu, Torralba, Efros 2018): a training set compressed into a handful of images.

>>> import dd
>>> distilled = dd.load("set.safetensors")
>>> net = distilled.train(distilled.net())
>>> predicted = net(distilled.normalise(images)).argmax(1)  # images: uint8 [n, C, H, W]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dd import old_modules
from dd.runtime.lazy import module_of_package

if TYPE_CHECKING:
    from dd.distill.distilled_set import DistilledSet
    from dd.pools.store import PoolFolder

old_modules.install()

__version__ = "0.1.0"
__all__ = ["DistilledSet", "__version__", "load", "load_pool"]


def load(path: Path | str) -> DistilledSet:
    """The distilled set saved at `path`.

    Raises:
        dd.runtime.errors.UserError: the file is missing, damaged, or not a distilled set.
    """
    from dd.distill.distilled_set import DistilledSet

    return DistilledSet.load(path)


def load_pool(folder: Path | str) -> PoolFolder:
    """The pool of trained networks in `folder`, for `DistilledSet.net(pool=...)` (Section 3.5).

    Raises:
        dd.runtime.errors.UserError: the folder is missing, or a shard is damaged, missing or of another pool.
    """
    from dd.pools.store import PoolFolder

    return PoolFolder(Path(folder))


def __getattr__(name: str) -> Any:
    # `import dd` does not import torch, which takes seconds, until something that needs it is used
    if name == "DistilledSet":
        from dd.distill.distilled_set import DistilledSet

        return DistilledSet
    return module_of_package(__name__, name)
