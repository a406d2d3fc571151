"""Every number and claim of the paper beside what was measured: one row for each, with a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dd.report.comparison_source import ComparisonSource
from dd.report.figures import FIGURES
from dd.report.measurements import KIND_COLUMNS, check_nets, kind_of, read_table
from dd.report.provenance import DEPARTURES, FIDELITY, with_provenance
from dd.report.records import PaperClaim, PaperNumber, Place
from dd.report.seeds import read_seeds
from dd.report.tables.claims import TABLES_SOURCE
from dd.report.verdicts import ClaimVerdict, MeasuredNumber, number_verdict
from dd.report.wording import of_set_with
from dd.runtime.errors import UserError
from dd.runtime.settings_model import did_you_mean, shortened

if TYPE_CHECKING:
    import pandas as pd

SOURCES = {
    source.csv_kind: source
    for source in (TABLES_SOURCE, *(figure.comparison for figure in FIGURES.values()))
    if source is not None
}
"""What is compared, by the kind of its CSV."""
TASKS = {name: tasks for source in SOURCES.values() for name, tasks in (source.tasks or {}).items()}
"""For each table and figure of the paper, the tasks that it has numbers or claims of."""
NUMBERS = tuple(number for source in SOURCES.values() for number in source.numbers)
"""Every number that the paper, or its project page, reports."""
CLAIMS = tuple(claim for source in SOURCES.values() for claim in source.claims)
"""Every claim of the paper's tables, figures and Section 3.3."""
FIRST_CLAIMS = ("fig2a", "fig2b", "fig3a", "fig3b")
"""Figures whose claims come before those of the tables, as in the paper."""
NOT_RUN = "not run"
OTHER_CLAIM = "claim on other data"
"""The kind of a row that says whether a claim of the paper holds on data, or in a figure, that the paper lacks."""
NUMBER_COLUMNS = ("reported", "reported_std", "measured", "std", "nets", "sets", "sets_std", "difference")
COMPARISON_COLUMNS = [
    "kind",
    "where",
    "task",
    "what",
    "reported",
    "reported_std",
    "measured",
    "std",
    "nets",
    "sets",
    "sets_std",
    "scale",
    "result",
    "difference",
    "verdict",
    "why",
    "fidelity",
]


class Measurement(NamedTuple):
    """What was measured for one table or figure."""

    kind: str
    """The kind of its CSV: a key of `SOURCES`."""
    rows: pd.DataFrame

    @property
    def source(self) -> ComparisonSource:
        """What the paper says of this kind."""
        return SOURCES[self.kind]


def read_measurement(path: Path) -> Measurement:
    """Read a CSV of measurements.

    Raises:
        UserError: there is no such file, or it is of no kind that is compared.
    """
    rows = read_table(path, frozenset(), "compare")
    kind = kind_of(rows)
    if kind not in SOURCES or not set(rows) >= KIND_COLUMNS.get(kind, frozenset()):
        raise UserError(f"{path}: neither a table, curves, bars nor `python -m dd evaluate`; write it anew")
    if kind == "evaluation":
        check_nets(path, rows, "after")
    return Measurement(kind, rows)


def read_measurements(measured: Iterable[tuple[str, str]]) -> dict[str, Measurement]:
    """Read pairs of a table or figure and its CSV; a figure of distilled images may have a CSV for each seed.

    Raises:
        UserError: what `read_measurement` and `read_seeds` raise, or another table or figure has several CSVs.
    """
    paths: dict[str, list[Path]] = {}
    for name, path in measured:
        paths.setdefault(name, []).append(Path(path))
    found = {}
    for name, of_name in paths.items():
        found[name] = read_measurement(of_name[0])
        if len(of_name) > 1:
            if found[name].kind != "evaluation":
                raise UserError(f"--measured {name}: is there twice, and {of_name[0]} is no evaluation; leave one out")
            found[name] = Measurement("evaluation", read_seeds(of_name, "after"))
    return found


def read_hours(history: Path) -> float:
    """How long the distillation of a history took, over all attempts.

    Raises:
        UserError: it is not a history.
    """
    return read_table(history, {"seconds"}, "distill", kind="history")["seconds"].iloc[-1] / 3600


def compare(measured: Mapping[str, Measurement], not_run: Mapping[Place, str], scale: str) -> pd.DataFrame:
    """One row for each number of the paper, then one row for each claim.

    A measurement of a set that was not made by the paper's method gets no verdict.

    Args:
        measured: the measurements, by the name of the table or figure.
        not_run: the reasons why something was not run.
        scale: the name of the scale at which it was measured.

    Returns:
        The columns `COMPARISON_COLUMNS`: kind is `number`, `claim` or `OTHER_CLAIM`, numbers are in percent, the
        difference in points; numbers with the same `result` are one result that the paper prints twice.

    Raises:
        UserError: `not_run` names what the paper does not report.
    """
    import pandas as pd

    for place in not_run:
        check_place(f"--not-run {place.where}", place)
    departures = {place: of_set_with(text) for place, text in _texts_by_place(measured, DEPARTURES).items()}
    reasons = departures | dict(not_run)
    papers_method = _without_departures(measured)
    rows = [
        *_number_rows(papers_method, reasons, scale),
        *_claim_rows(papers_method, reasons, scale),
    ]
    fidelity = {place.task: text for place, text in _texts_by_place(measured, FIDELITY).items()}
    for row in rows:
        row[FIDELITY] = fidelity.get(row["task"], "") if row["verdict"] != NOT_RUN else ""
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS).astype(dict.fromkeys(NUMBER_COLUMNS, float))


def check_place(key: str, place: Place) -> None:
    """Refuse a reason for a task that the paper does not have; `key` says where the reason is given.

    Raises:
        UserError: the paper has no such task; the message lists those that it has.
    """
    known = "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in TASKS.items())
    if place.where not in TASKS:
        near = did_you_mean(place.where, TASKS)
        raise UserError(f"{key}: there is no {shortened(place.where)}. The paper has {known}{near}")
    if place.task not in TASKS[place.where]:
        near = did_you_mean(place.task, TASKS[place.where])
        raise UserError(f"{key}: the paper has no {shortened(place.task)} there. It has {known}{near}")


def _without_departures(measured: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """The measurements without the rows of sets that were not made by the paper's method; none without rows is kept."""
    kept = {}
    for where, measurement in measured.items():
        rows = measurement.rows[with_provenance(measurement.rows)[DEPARTURES] == ""]
        if len(rows):
            kept[where] = Measurement(measurement.kind, rows)
    return kept


def _texts_by_place(measured: Mapping[str, Measurement], column: str) -> dict[Place, str]:
    """The texts in one of the columns that `with_provenance` adds, by place; places without any text are left out."""
    texts = {}
    for where, measurement in measured.items():
        if measurement.source.task_column:
            rows = with_provenance(measurement.rows)
            by_task = rows[rows[column] != ""].groupby(measurement.source.task_column)[column]
            for task, of_task in by_task:
                texts[Place(where, str(task))] = "; ".join(of_task.unique())
    return texts


def _number_rows(
    measured: Mapping[str, Measurement], reasons: Mapping[Place, str], scale: str
) -> Iterator[dict[str, Any]]:
    found: dict[Place, dict[str, MeasuredNumber]] = {}
    for where, measurement in measured.items():
        for number in measurement.source.measure(where, measurement.rows):
            of_place = found.setdefault(number.place, {})
            if number.papers_setting or number.row not in of_place:
                of_place[number.row] = number
    for paper in NUMBERS:
        measured_number = found.get(paper.place, {}).get(paper.row)
        row = {"kind": "number", **paper.place._asdict(), "what": paper.label}
        row |= {"reported": paper.reported.mean, "reported_std": paper.reported.std}
        where, name = paper.printed_as or (paper.place.where, paper.row)
        row |= {"result": f"{where}, {paper.place.task}, {name}"}
        if measured_number and measured_number.papers_setting:
            yield row | _compared(paper, measured_number) | {"scale": scale}
        else:
            why = "run in another setting than the paper's" if measured_number else f"not part of scale {scale}"
            yield row | {"verdict": NOT_RUN, "why": reasons.get(paper.place, why)}


def _compared(paper: PaperNumber, number: MeasuredNumber) -> dict[str, Any]:
    return {
        "measured": number.mean,
        "std": number.std,
        "nets": number.nets,
        "sets": number.sets,
        "sets_std": number.sets_std,
        "difference": number.mean - paper.reported.mean,
        "verdict": number_verdict(paper, number),
        "why": paper.remark,
    }


def _claim_rows(measured: Mapping[str, Measurement], reasons: Mapping[Place, str], scale: str) -> list[dict[str, Any]]:
    verdicts: dict[PaperClaim, ClaimVerdict] = {}
    for kind, source in SOURCES.items():
        kinds = (kind, *source.judged_beside)
        rows = {where: measurement.rows for where, measurement in measured.items() if measurement.kind in kinds}
        for judged in source.judge(rows):
            verdicts[judged.claim] = judged.verdict
    run = _places(measured)
    claims = []
    for claim in dict.fromkeys([*CLAIMS, *verdicts]):
        row = {"kind": "claim" if claim in CLAIMS else OTHER_CLAIM, **claim.place._asdict(), "what": claim.text}
        verdict = verdicts.get(claim)
        if verdict:
            row |= {"scale": scale, "verdict": "supported" if verdict.holds else "NOT supported", "why": verdict.detail}
        else:
            why = "what it compares was not all run" if claim.place in run else f"not part of scale {scale}"
            row |= {"scale": None, "verdict": NOT_RUN, "why": reasons.get(claim.place, why)}
        claims.append(row)
    order = list(dict.fromkeys([*FIRST_CLAIMS, *(claim.place.where for claim in CLAIMS), *measured]))
    return sorted(claims, key=lambda row: order.index(row["where"]))


def _places(measured: Mapping[str, Measurement]) -> set[Place]:
    """Every place that was measured. Measurements that are not of a dataset have no place."""
    places = set()
    for where, measurement in measured.items():
        column = measurement.source.task_column
        if column:
            places |= {Place(where, task) for task in measurement.rows[column]}
    return places
