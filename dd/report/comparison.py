"""Every number of the paper, and every claim of its tables, figures and Section 3.3, beside what was measured."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dd.report.figures import curves
from dd.report.figures import poisoning as bars
from dd.report.paper_numbers import EPOCHS, FULL, PICTURES, PLACES, POISONED, TABLES, cells
from dd.report.provenance import noted
from dd.report.tables.paper_table import METRICS, read_evaluated, read_table
from dd.report.verdicts import BEATS, LINEAR, Said, linear_claim, meant, merged, table_claim
from dd.runtime.errors import UserError

POINTS = 2.0
"""Percentage points that a number may be off and still count as reproduced, whatever the standard deviations."""
KINDS = {
    "table": {"task", "method", "accuracy", "std", "nets", "sets", "paper"},
    "curves": {"panel", "label", "against", *curves.POINT},
    "bars": {"dataset", "method", "measure", "before", "before_std", "mean", *POISONED["mnist"]},
    "linear": {"D", "M", "method", "gap", "gap_max"},
    "evaluate": METRICS,
}
"""Columns that tell the CSVs of `dd table`, `dd curves`, `dd bars`, `dd linear-case` and `dd evaluate` apart."""
COLUMNS = (
    *("kind", "where", "task", "what", "reported", "reported_std", "measured", "std", "nets", "sets"),
    *("scale", "difference", "verdict", "why", "fidelity"),
)
TASK = {"table": "task", "curves": "dataset", "bars": "dataset", "evaluate": "dataset"}
"""The column that says what a row was measured on, by kind; the linear case has no data."""
Measurements = dict[str, tuple[str, pd.DataFrame]]
"""Kind of `KINDS` and rows (`read`) by table or figure."""
Reasons = dict[tuple[str, str], str]
"""Why something was not run, by (table or figure, task)."""
FEW = "A few images for one known net do better than more for any net"
CLOSE = "Ten images for one known net come within 10 points of full training"


class Measured(NamedTuple):
    """A number measured in the paper's own setting."""

    mean: float
    std: float
    nets: float
    sets: int


def read(path: Path) -> tuple[str, pd.DataFrame]:
    """Kind of `KINDS` and rows of a measured CSV.

    Raises:
        UserError: no such file, or none of these.
    """
    table = read_table(path, set(), "compare")
    for kind, columns in KINDS.items():
        if set(table) >= columns:
            return kind, read_evaluated(path, "after") if kind == "evaluate" else table
    raise UserError(f"{path}: neither a table, curves, bars nor `python -m dd evaluate`; write it anew")


def compare(measured: Measurements, not_run: Reasons, scale: str) -> pd.DataFrame:
    """A row a number of the paper, then a row a claim; what was not made in the paper's way gets no verdict.

    Returns:
        The columns `COLUMNS`: kind is `number` or `claim`, numbers are in percent, the difference in points.

    Raises:
        UserError: `not_run` names what the paper does not report.
    """
    for where, task in not_run:
        if task not in PLACES.get(where, ()):
            known = "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in PLACES.items())
            raise UserError(f"--not-run: the paper reports nothing of {task!r} in {where}. There are {known}")
    others = {key: f"of a set with {text}, not the paper's way" for key, text in _told(measured, "beyond").items()}
    judged = {where: (kind, table[noted(table)["beyond"] == ""]) for where, (kind, table) in measured.items()}
    judged = {where: pair for where, pair in judged.items() if len(pair[1])}
    rows = [*_numbers(judged, others | not_run, scale), *_claims(judged, others | not_run, scale)]
    fidelity = {task: text for (_, task), text in _told(measured, "fidelity").items()}
    for row in rows:
        row["fidelity"] = fidelity.get(row["task"], "") if row["verdict"] != "not run" else ""
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys([*COLUMNS[4:10], "difference"], float))


def _told(measured: Measurements, column: str) -> dict[tuple[str, str], str]:
    """What measurements say in a column of `noted`, by (table or figure, task)."""
    told = {}
    for where, (kind, table) in measured.items():
        if kind in TASK:
            rows = noted(table)
            tasks = rows[rows[column] != ""].groupby(TASK[kind])[column]
            told |= {(where, task): "; ".join(texts.unique()) for task, texts in tasks}
    return told


def _numbers(measured: Measurements, not_run: Reasons, scale: str) -> list[dict]:
    found: dict[tuple, Measured | None] = {}  # None: in another setting only
    for where, (kind, table) in measured.items():
        found |= {(where, *key): number for key, number in NUMBERS.get(kind, lambda *_: {})(where, table).items()}
    rows = []
    for c in cells():
        key = (c.where, c.task, c.row)
        row = {"kind": "number", "where": c.where, "task": c.task, "what": c.label}
        row |= {"reported": c.reported.mean, "reported_std": c.reported.std}
        if number := found.get(key):
            difference = number.mean - c.reported.mean
            row |= {"measured": number.mean, "std": number.std, "nets": number.nets, "sets": number.sets}
            row |= {"scale": scale, "difference": difference}
            row |= {"verdict": _verdict(difference, c.reported.std, number.std), "why": c.remark}
        else:
            why = "run in another setting than the paper's" if key in found else f"not part of scale {scale}"
            row |= {"verdict": "not run", "why": c.never or not_run.get(key[:2], why)}
        rows.append(row)
    return rows


def _verdict(difference: float, *stds: float | None) -> str:
    known = [std for std in stds if std is not None and not math.isnan(std)]
    if abs(round(difference, 1)) <= max([POINTS, *known]):  # the paper's numbers are known to a tenth
        return "reproduced"
    return "better" if difference > 0 else "worse"


def _of_table(name: str, table: pd.DataFrame) -> dict[tuple, Measured | None]:
    found = {}
    for row in table.itertuples():
        same = not math.isnan(row.paper)
        found[row.task, row.method] = Measured(row.accuracy, row.std, row.nets, row.sets) if same else None
    return found if name in TABLES else {}


def _of_evaluate(name: str, table: pd.DataFrame) -> dict[tuple, Measured | None]:
    if name not in PICTURES:
        return {}
    picture, first = PICTURES[name], table.iloc[0]
    wanted = (picture.init, picture.task.net, picture.task.steps, picture.task.images, EPOCHS)
    same = wanted == tuple(first[key] for key in ("init", "net", "steps", "distilled_images", "epochs"))
    found = {}
    for stage, accuracy in table.groupby("stage")["accuracy"]:
        std = accuracy.std(ddof=0) if len(accuracy) > 1 else math.nan
        found[first["dataset"], stage] = Measured(accuracy.mean(), std, len(accuracy), 1) if same else None
    return found


def _of_bars(name: str, table: pd.DataFrame) -> dict[tuple, Measured | None]:
    found = {}
    for row in table[table["method"] == "ours"].itertuples():
        same = all(getattr(row, key) == value for key, value in POISONED.get(row.dataset, {}).items())
        if row.measure == "misled":
            found[row.dataset, "misled"] = Measured(row.mean, row.std, row.nets, row.sets) if same else None
        if row.measure == "clean":
            found[row.dataset, "nets"] = Measured(row.before, row.before_std, row.nets, row.sets) if same else None
    return found if name == "fig6" else {}


NUMBERS: dict[str, Callable] = {"table": _of_table, "evaluate": _of_evaluate, "bars": _of_bars}


def _claims(measured: Measurements, not_run: Reasons, scale: str) -> list[dict]:
    said: dict[tuple[str, str, str], Said | None] = {(*key,): None for key in _claimed()}
    for where, (kind, table) in measured.items():
        if kind == "table":
            for task, rows in table.groupby("task", sort=False):
                accuracy = dict(zip(rows["method"], rows["accuracy"], strict=True))
                verdicts = [table_claim(where, task, claim, accuracy) for claim in BEATS.get(where, ())]
                said |= {(where, task, v.text): v for v in verdicts if v}
        if kind == "bars":
            for task, rows in table.groupby("dataset", sort=False):
                said |= {(where, task, v.text): v for v in bars.claims(rows)}
        if kind == "curves":
            found = curves.claims(curves.from_table(table))
            for task in table["dataset"].unique():
                verdicts = merged([v for (_, of), several in found.items() if of == task for v in several])
                said |= {(where, task, v.text): v for v in verdicts}
        if kind == "linear":
            said[where, "least squares", LINEAR] = linear_claim(table)
    said |= _few(measured)
    run = {(where, task) for where, (kind, table) in measured.items() if kind in TASK for task in table[TASK[kind]]}
    rows = []
    for (where, task, text), verdict in said.items():
        row = {"kind": "claim", "where": where, "task": task, "what": text, "scale": scale if verdict else None}
        if verdict:
            row |= {"verdict": "supported" if verdict.holds else "NOT supported", "why": verdict.detail}
        else:
            why = "what it compares was not all run" if (where, task) in run else f"not part of scale {scale}"
            row |= {"verdict": "not run", "why": not_run.get((where, task), why)}
        rows.append(row)
    order = list(dict.fromkeys([*(key[0] for key in _claimed()), *measured]))
    return sorted(rows, key=lambda row: order.index(row["where"]))


def _claimed() -> list[tuple[str, str, str]]:
    """Every claim of the paper's tables, figures and Section 3.3: where, task and sentence."""
    claimed = [("fig2a", "mnist", FEW), ("fig2a", "mnist", CLOSE)]
    for name, claims in BEATS.items():
        claimed += [(name, task, c.text) for task in TABLES[name] for c in claims if meant(name, task, c)]
    for name, texts in curves.CLAIMS.items():
        claimed += [(name, task, text) for task in PLACES[name] for text in texts]
    for task in PLACES["fig6"]:
        claimed += [("fig6", task, text) for text in bars.claimed(task)]
    return [*claimed, ("linear_case", "least squares", LINEAR)]


def _few(measured: Measurements) -> dict[tuple[str, str, str], Said]:
    """That a fixed initialisation needs few images: Figure 2a beside 3a, and beside full training."""
    after = {}
    for where, init in (("fig2a", "fixed"), ("fig3a", "random")):
        kind, table = measured.get(where, ("", None))
        if kind == "evaluate" and table["init"].iloc[0] == init:
            first = table.iloc[0]
            mean = table.loc[table["stage"] == "after", "accuracy"].mean()
            after[where] = (first["dataset"], first["net"], first["distilled_images"], mean)
    if "fig2a" not in after:
        return {}
    dataset, net, few, one = after["fig2a"]
    said = {}
    *known, many, every = after.get("fig3a", (0, 0))
    if known == [dataset, net] and few < many:
        said["fig2a", dataset, FEW] = Said(FEW, one > every, f"{one:.1f} % ({few} images), {every:.1f} % ({many})")
    if dataset in FULL and (net, few) == (TABLES["table1"][dataset].net, PICTURES["fig2a"].task.images):
        full = FULL[dataset].mean
        said["fig2a", dataset, CLOSE] = Said(CLOSE, one > full - 10, f"{one:.1f} % of {full:.0f}")
    return said
