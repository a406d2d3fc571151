"""Reading what the commands measured: which kind of CSV it is, whether it is whole, and means over sets and nets."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Set
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

EVALUATION_COLUMNS = frozenset(
    [
        "dataset",
        "source",
        "net",
        "init",
        "steps",
        "epochs",
        "distilled_images",
        "held_out_net",
        "stage",
        "test_images",
        "accuracy",
    ]
)
"""Columns of the CSV of `dd evaluate` and of `dd adapt`."""
BASELINE_COLUMNS = frozenset(
    [
        "dataset",
        "source",
        "net",
        "init",
        "steps",
        "distilled_images",
        "baseline",
        "draw",
        "stage",
        "images",
        "chosen_on",
        "accuracy",
        "accuracy_std",
        "nets",
    ]
)
"""Columns of the CSV of `dd baseline`."""
HISTORY_COLUMNS = frozenset(
    ["meta_step", "loss", "grad_norm", "meta_lr", "mean_distill_lr", "accuracy", "accuracy_std", "nets"]
)
"""Columns of the history, which `dd distill` writes, that are drawn."""
KIND_COLUMNS = {
    "table": frozenset(["task", "method", "accuracy", "std", "nets", "sets", "paper"]),
    "curves": frozenset(["panel", "label", "against", "x", "steps", "mean", "std", "nets"]),
    "poisoning": frozenset(
        [
            "dataset",
            "net",
            "init",
            "steps",
            "epochs",
            "attack_class",
            "target_class",
            "distilled_images",
            "method",
            "measure",
            "before",
            "before_std",
            "mean",
            "std",
            "nets",
            "sets",
        ]
    ),
    "overview": frozenset(
        [
            "task",
            "measure",
            "net",
            "init",
            "steps",
            "epochs",
            "distilled_images",
            "before",
            "before_std",
            "after",
            "after_std",
            "nets",
        ]
    ),
    "linear case": frozenset(["D", "M", "method", "gap", "gap_max"]),
    "history": HISTORY_COLUMNS,
    "runs": frozenset(["experiment", "dataset", "fidelity", "commit"]),
    "baseline": BASELINE_COLUMNS,
    "adaptation": EVALUATION_COLUMNS | {"method"},
    "evaluation": EVALUATION_COLUMNS,
}
"""Columns that every CSV of a kind has. The kind of an old file, without the column `kind`, is the first that fits."""


def with_kind(kind: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the column `kind` in front, as the file has it."""
    table = table.copy()
    table.insert(0, "kind", kind)
    return table


def kind_of(table: pd.DataFrame) -> str:
    """What a CSV is, such as `evaluation`, `baseline` or `table`; empty where that is unknown."""
    return str(table["kind"].iloc[0]) if "kind" in table else kind_of_old_file(set(table.columns))


def kind_of_old_file(columns: Set[Hashable]) -> str:
    """The kind of a CSV without the column `kind`, as earlier versions wrote them; empty where that is unknown."""
    return next((kind for kind, known in KIND_COLUMNS.items() if columns >= known), "")


def read_table(path: Path, columns: Set[str], command: str, *, kind: str = "", separator: str = ",") -> pd.DataFrame:
    """The CSV that `command` wrote.

    Raises:
        UserError: there is no such file, it lacks one of `columns`, or it is of another `kind` than the one given.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, sep=separator, dtype={"set": str})  # a set may be called 001
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error
    whole = len(table) > 0 and set(table) >= columns
    if not whole or (kind and kind_of(table) != kind):
        raise UserError(f"{path}: not a table of `python -m dd {command}`")
    return table


def check_set(path: Path, table: pd.DataFrame, digest: str) -> None:
    """Refuse a table of `dd evaluate` of another set than the one with this digest; old files do not name theirs.

    Raises:
        UserError: it is of another set.
    """
    if "set_digest" in table and table["set_digest"].iloc[0] != f"sha256:{digest}":
        raise UserError(f"{path}: measures another set; measure this one with `python -m dd evaluate`")


def check_nets(path: Path, table: pd.DataFrame, *stages: str, other_inits: bool = False) -> None:
    """Refuse a table of `dd evaluate` that has several networks or another protocol than `native`.

    Unless `other_inits`, its nets must also have the initialisation that the set was made for.

    Raises:
        UserError: it has other nets or another protocol, or lacks one of `stages`.
    """
    missing = [stage for stage in stages if stage not in set(table["stage"])]
    if missing:
        raise UserError(f"{path}: not a whole table of `python -m dd evaluate`; it has no nets {missing[0]} training")
    if table["net"].nunique() > 1 or set(table.get("protocol", ["native"])) != {"native"}:
        raise UserError(f"{path}: of several networks or another protocol; `python -m dd transfer` shows those")
    if "made_for" in table and not other_inits:
        first = table.iloc[0]
        raise UserError(
            f"{path}: nets of init {first['init']} on a set that was made for {first['made_for']}, which only a table "
            "shows; evaluate without --random-init and --net"
        )


def read_evaluation(path: Path, *stages: str) -> pd.DataFrame:
    """Read the CSV of `dd evaluate` for one network and the protocol `native`.

    Raises:
        UserError: there is no such file, it has several networks or another protocol, or it lacks one of `stages`.
    """
    table = read_table(path, EVALUATION_COLUMNS, "evaluate", kind="evaluation")
    check_nets(path, table, *stages)
    return table


def read_measured(path: Path, *, other_inits: bool = False) -> pd.DataFrame:
    """The CSV of `dd evaluate`, `dd baseline` or `dd adapt`.

    Args:
        path: the file.
        other_inits: whether its nets may have another initialisation than the set was made for.

    Raises:
        UserError: there is no such file, it is none of these, or it lacks the final measurement.
    """
    table = read_table(path, {"stage"}, "evaluate` or `baseline")
    kind = kind_of(table)
    if kind == "baseline" and set(table) >= BASELINE_COLUMNS:
        if "test" not in set(table["stage"]):
            raise UserError(f"{path}: not a whole table of `python -m dd baseline`")
    elif kind in ("evaluation", "adaptation") and set(table) >= EVALUATION_COLUMNS:
        check_nets(path, table, "after", other_inits=other_inits)
    else:
        raise UserError(f"{path}: not a table of `python -m dd evaluate`, `baseline` or `adapt`")
    return table.astype({"source": object}).fillna({"source": ""})


class DatasetInfo(NamedTuple):
    """What a table needs to know about a prepared dataset."""

    name: str
    root: str
    """The dataset that this is a variant of, with another size or number of channels; or its own name."""
    fidelity: str


def read_dataset_info(path: Path) -> DatasetInfo:
    """What the `.json` beside a prepared dataset says about it.

    Raises:
        UserError: there is no such file, or it is not the metadata of a dataset.
    """
    sidecar = path.with_suffix(".json")
    try:
        info = json.loads(sidecar.read_text(encoding="utf-8"))
        return DatasetInfo(info["name"], info.get("of", info["name"]), info["fidelity"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{sidecar}: not the metadata of a prepared dataset ({error!r})") from error


class Pooled(NamedTuple):
    """A mean over all sets and nets."""

    mean: float
    std: float
    """NaN for a single net and set."""
    nets: int
    """Nets of each set."""
    error: float
    """The standard error of the mean, by the spread of the sets' means and of the nets, which all sets share.

    It is the root of the sum of two squares: `sets_std` / sqrt(sets), and the spread of a set's nets / sqrt(nets). It
    is 0 for a single net and set. Where sets do not share the nets, `dd.report.seeds.over_seeds` has another.
    """
    sets: int
    """Draws of a baseline, or seeds of ours."""
    sets_std: float
    """The standard deviation of the sets' means; NaN for a single set."""


def pooled(rows: pd.DataFrame, column: str = "accuracy") -> Pooled:
    """Mean and standard deviation over all sets and nets, of rows that each have both over the nets of one set."""
    nets, means = int(rows["nets"].iloc[0]), rows[column]
    within = (nets - 1) * (rows[f"{column}_std"].fillna(0) ** 2).sum()  # a single net has no standard deviation
    between = nets * ((means - means.mean()) ** 2).sum()
    values = nets * len(rows)
    std = math.sqrt((within + between) / (values - 1)) if values > 1 else math.nan
    between_sets = means.var() / len(rows) if len(rows) > 1 else 0.0
    error = math.sqrt(between_sets + (rows[f"{column}_std"].fillna(0) ** 2).mean() / nets)
    return Pooled(means.mean(), std, nets, error, len(rows), means.std())


def combination(rows: pd.DataFrame) -> str:
    """What the rows of a tested baseline used, such as `rate 0.1, 3 epochs`, `l2, K = 1, augmented` or `dc`."""
    first = rows.iloc[0]
    augmented = ", augmented" if first.get("augment", False) else ""
    if isinstance(first.get("protocol"), str):  # empty in the rows of other baselines
        return f"{first['protocol']}{augmented}"
    if "metric" in rows:
        return f"{first['metric']}, K = {first['neighbours']}{augmented}"
    rates = "learned rates" if first["lr"] == "learned" else f"rate {first['lr']}"
    return f"{rates}, {first['epochs']} epoch{'' if first['epochs'] == 1 else 's'}{augmented}"
