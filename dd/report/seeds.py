"""Evaluations of one method with several seeds: which belong together, and the mean and spreads over all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dd.distill.init_kinds import INITS
from dd.report.measurements import Pooled, kind_of, pooled, read_evaluation
from dd.report.provenance import with_provenance
from dd.report.verdicts import standard_error
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SEED = "seed"
"""The column of `dd evaluate` with the seed of the set; files of older versions lack it."""
SAME_METHOD = (
    *("dataset", "source", "net", "init", "steps", "epochs", "distilled_images", "beyond"),
    *("made_for", "attack_class", "target_class", "test_images", "fidelity"),
)
"""Columns in which evaluations of one method agree, where a CSV has them. They differ in seed, set and nets."""


def seeds_text(seeds: int, seeds_std: float) -> str:
    """What ± means, and how far seeds differ, where there are several."""
    return f"{seeds} seeds; ± over nets and seeds; std over seeds {seeds_std:.1f}"


def error_of(row: pd.Series, of: str = "") -> float:
    """The standard error in the row of a table or figure, by its columns `<of>std` and `<of>error`.

    Files of older versions lack the second, so for them by the nets or, where none are trained, sets.
    """
    if f"{of}error" in row:
        return row[f"{of}error"]
    return standard_error(row[f"{of}std"], row["sets"] if math.isnan(row["nets"]) else row["nets"])


def merged_seeds(paths: Sequence[Path], measured: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The tables with the evaluations of one method in one, at the place of its first; other kinds stay as they are.

    Args:
        paths: the files of the tables.
        measured: tables of `dd evaluate`, `dd baseline` and `dd adapt`.

    Raises:
        UserError: two evaluations of one method have equal seeds or numbers of nets that differ, or do not tell seeds.
    """
    import pandas as pd

    groups: dict[object, list[int]] = {}
    for place, table in enumerate(measured):
        groups.setdefault(_method(table) if kind_of(table) == "evaluation" else place, []).append(place)
    merged = []
    for places in groups.values():
        tables = [measured[place] for place in places]
        if len(tables) > 1:
            _check_seeds([paths[place] for place in places], tables)
            tables = [pd.concat(tables, ignore_index=True)]
        merged += tables
    return merged


def read_seeds(paths: Sequence[Path], *stages: str) -> pd.DataFrame:
    """The evaluations of one method, of a seed each.

    Raises:
        UserError: what `read_evaluation` and `merged_seeds` raise, or the files are not of one method.
    """
    tables = [read_evaluation(path, *stages) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if _method(table) != _method(tables[0]):
            raise UserError(f"{path}: not of the method and data of {paths[0]}; give other seeds of one method")
    return merged_seeds(paths, tables)[0]


def over_seeds(rows: pd.DataFrame, column: str = "accuracy") -> Pooled:
    """Mean and spreads of a column over rows of one method and stage, one for each seed and net; a set is a seed.

    The standard error of the mean is that of `pooled` where all seeds are judged by the same nets, those of a pool.
    Otherwise each seed has nets of its own, whose spread is already in that of the seeds' means. It is then `sets_std`
    / sqrt(sets), but at least std / sqrt(nets of all seeds): a few seeds may be alike by chance.
    """
    import pandas as pd

    values = rows[column]
    mean, std, nets = values.mean(), values.std(), len(values)
    if SEED not in rows or rows[SEED].nunique() == 1:
        return Pooled(mean, std, nets, standard_error(std, nets), 1, math.nan)
    each = values.groupby(rows[SEED])
    of_seeds = pd.DataFrame({column: each.mean(), f"{column}_std": each.std(), "nets": each.size()})
    found = pooled(of_seeds, column)._replace(mean=mean, std=std)
    if INITS[rows["init"].iloc[0]].needs_pool:
        return found
    by_seeds, by_nets = standard_error(found.sets_std, found.sets), standard_error(std, nets)
    return found._replace(error=max(by_seeds, by_nets))


def _method(table: pd.DataFrame) -> tuple:
    """What the evaluations of one method have in common."""
    first = with_provenance(table.iloc[:1]).astype(object).fillna("").iloc[0]
    return tuple(first.get(column, "") for column in SAME_METHOD)


def _check_seeds(paths: Sequence[Path], tables: Sequence[pd.DataFrame]) -> None:
    """Refuse several evaluations of one method that are not of a seed each, or not of equally many nets."""
    seen: dict[int, Path] = {}
    nets = tables[0]["held_out_net"].nunique()
    for path, table in zip(paths, tables, strict=True):
        if SEED not in table:
            raise UserError(f"{path}: does not tell its seed, and another file is of the same method; measure it anew")
        seed = int(table[SEED].iloc[0])
        if seed in seen:
            raise UserError(f"{path}: of the same method and seed {seed} as {seen[seed]}; leave one of them out")
        if table["held_out_net"].nunique() != nets:
            raise UserError(f"{path}: has another number of nets than {paths[0]}, {nets}; give all seeds equal --nets")
        seen[seed] = path
