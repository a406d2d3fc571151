"""The published distilled sets: in `results/published` of a checkout, or with an installed package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dd
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SETS = "*/distill/*/set.safetensors"


def paths() -> dict[str, Path]:
    """Every published set by the name of its experiment, or `<scale>/<experiment>` where several scales have one."""
    found = sorted((dd.shipped() / "results/published").glob(SETS))
    names = [path.parent.name for path in found]
    return {
        name if names.count(name) == 1 else f"{path.parents[2].name}/{name}": path
        for name, path in zip(names, found, strict=True)
    }


def path_of(name: Path | str) -> Path:
    """The path that `name` is, or that of the published set of this name.

    Raises:
        UserError: it has no ending, and there is neither such a file nor such a set.
    """
    path = Path(name)
    if path.suffix or path.is_file():
        return path
    if (known := paths()) and str(name) in known:
        return known[str(name)]
    scale, _, experiment = str(name).rpartition("/")
    found = known.get(experiment)
    if found and scale == found.parents[2].name:
        return found
    if path.exists():
        return path
    listed = f"those are {', '.join(known)}" if known else "there are none here"
    raise UserError(f"{name}: no such file, and no published set of this name; {listed}")


def published_sets() -> pd.DataFrame:
    """A row for each published set.

    Its name, scale, dataset, net, init, distilled_images, accuracy (at validation, in percent), digest, and path.

    Raises:
        UserError: one of them is damaged.
    """
    import pandas as pd

    from dd.distill.distilled_set import DistilledSet

    rows = []
    for name, path in paths().items():
        distilled = DistilledSet.load(path)
        setting = distilled.setting()
        row = {"name": name, "scale": path.parents[2].name}
        row |= {key: setting[key] for key in ("dataset", "net", "init", "distilled_images")}
        row |= {
            "accuracy": distilled.info.get("validation", {}).get("accuracy"),
            "digest": distilled.digest,
            "path": str(path),
        }
        rows.append(row)
    columns = ["name", "scale", "dataset", "net", "init", "distilled_images", "accuracy", "digest", "path"]
    return pd.DataFrame(rows, columns=columns)
