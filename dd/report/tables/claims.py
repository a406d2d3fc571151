"""What the paper says in words of Tables 1 to 3, and whether measured numbers support it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from dd.report.comparison_source import ComparisonSource
from dd.report.records import PaperClaim, PaperNumber, Place
from dd.report.seeds import error_of
from dd.report.tables import TABLES
from dd.report.tables.table import OWN_ROWS, MoreAccurate, Table, row_label
from dd.report.verdicts import ClaimVerdict, JudgedClaim, MeasuredNumber, perhaps_chance

if TYPE_CHECKING:
    import pandas as pd


def meant(table: Table, task: str, claim: MoreAccurate) -> set[str]:
    """The rows that a claim is about: those that ours beats in the paper, or all if the paper has no numbers of it."""
    if task not in table.tasks or claim.in_words:
        return set(claim.others)
    return claim.beaten({row: number.mean for row, number in table.tasks[task].reported.items()})


def judge(
    table: Table, task: str, claim: MoreAccurate, accuracy: Mapping[str, float], errors: Mapping[str, float]
) -> ClaimVerdict | None:
    """Whether measured `accuracy` (percent by row) supports a claim; None where it lacks ours or all of the others.

    `errors` are the standard errors of the accuracies.
    """
    compared = meant(table, task, claim) & set(accuracy)
    if claim.ours not in accuracy or not compared:
        return None
    strongest = max(compared, key=lambda row: accuracy[row])
    ahead = accuracy[claim.ours] - accuracy[strongest]
    beaten = claim.beaten(accuracy)
    measured = [other for other in claim.others if other in accuracy]
    detail = f"{ahead:+.1f} points to {row_label(strongest)}"
    detail += perhaps_chance(ahead + claim.slack, errors[claim.ours], errors[strongest])
    if len(measured) > 1:
        paper = f" (paper: {len(meant(table, task, claim))})" if task in table.tasks else ""
        detail = f"above {len(beaten)} of {len(measured)}{paper}; {detail}"
    return ClaimVerdict(claim.text, compared <= beaten, detail)


def _paper_numbers() -> Iterator[PaperNumber]:
    for table in TABLES.values():
        for name, task in table.tasks.items():
            for row, number in task.reported.items():
                place, ours = Place(table.name, name), row in OWN_ROWS
                remark = table.remarks.get(row, "")
                yield PaperNumber(place, row, row_label(row), number, remark=remark, ours=ours, values=table.runs)


def _paper_claims() -> Iterator[PaperClaim]:
    for table in TABLES.values():
        for name in table.tasks:
            for claim in table.claims:
                if meant(table, name, claim):
                    yield PaperClaim(Place(table.name, name), claim.text)


def _measured_numbers(name: str, rows: pd.DataFrame) -> Iterable[MeasuredNumber]:
    if name not in TABLES:
        return
    for _, row in rows.iterrows():
        yield MeasuredNumber(
            place=Place(name, row["task"]),
            row=row["method"],
            mean=row["accuracy"],
            std=row["std"],
            error=error_of(row),
            nets=row["nets"],
            sets=row["sets"],
            papers_setting=not math.isnan(row["paper"]),
            sets_std=row.get("sets_std", math.nan),
        )


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    for name, rows in tables.items():
        if name not in TABLES:
            continue
        for task, of_task in rows.groupby("task", sort=False):
            accuracy = dict(zip(of_task["method"], of_task["accuracy"], strict=True))
            errors = {row["method"]: error_of(row) for _, row in of_task.iterrows()}
            for claim in TABLES[name].claims:
                verdict = judge(TABLES[name], str(task), claim, accuracy, errors)
                if verdict:
                    yield JudgedClaim(Place(name, str(task)), verdict)


TABLES_SOURCE = ComparisonSource(
    module=__name__,
    csv_kind="table",
    task_column="task",
    tasks={table.name: tuple(table.tasks) for table in TABLES.values()},
    numbers=tuple(_paper_numbers()),
    claims=tuple(_paper_claims()),
    measure=_measured_numbers,
    judge=_judged,
)
"""Tables 1 to 3 for the comparison."""
