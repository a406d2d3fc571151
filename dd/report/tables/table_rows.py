"""The rows of a table of the paper: what was measured beside what is reported, and the notes below it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.report.formatting import INTERVAL_NOTE
from dd.report.measurements import DatasetInfo, combination, kind_of, pooled
from dd.report.provenance import with_provenance
from dd.report.records import DISTILLED_EPOCHS, Reported
from dd.report.seeds import SEED, over_seeds, seeds_text
from dd.report.tables.table import OWN_ROWS, UNADAPTED, Table, row_label
from dd.report.wording import display_name, of_set_with
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

CHOSEN_ON = {"held-out": "held-out training images", "test": "the test set, as in the paper"}
"""On which images the combination of a baseline was chosen: the word in the CSV, and the words in the notes."""


class Row(NamedTuple):
    """A measured row. Its fields are columns of the table."""

    method: str
    accuracy: float
    std: float
    """NaN if there is one net and one set."""
    error: float
    """The standard error of `accuracy`; 0 if there is one net and one set. Of several sets, as in `Pooled`."""
    nets: int | None
    """Nets of each set; None if no net is trained."""
    sets: int
    """Seeds of ours, draws of a baseline."""
    sets_std: float
    """The standard deviation of the sets' means; NaN if there is one set."""
    test_images: int
    combination: str
    chosen_on: str


def paper_table(
    table: Table, measured: Sequence[pd.DataFrame], scale: str, datasets: Sequence[DatasetInfo]
) -> pd.DataFrame:
    """The rows of a table in its order: task, method, measured mean and std, reported ones, and how it was measured.

    Args:
        table: which one.
        measured: tables of `dd evaluate` with all seeds of a method in one, of `dd baseline` and of `dd adapt`.
        scale: the name of the scale at which they were measured.
        datasets: all datasets that were measured on.
    """
    import pandas as pd

    info = {each.name: each for each in datasets}
    rows = []
    for measurement in map(with_provenance, measured):
        first = measurement.iloc[0]
        task = _task(table, first, info)
        known = {"kind": "table", "task": task, "scale": scale, "fidelity": _fidelity(table, first, info)}
        for row in _measured_rows(table, measurement):
            number = _reported(table, task, row.method, first)
            told = {"paper": number.mean, "paper_std": number.std, "label": row_label(row.method)}
            rows.append(known | row._asdict() | told | {"beyond": first["beyond"], "net": first["net"]})
    rows = _unadapted_once(rows)
    tasks = list(dict.fromkeys([*table.tasks, *(row["task"] for row in rows)]))
    known_methods = [*OWN_ROWS, *BASELINES, *table.rows, *ADAPTATIONS]
    methods = list(dict.fromkeys([*known_methods, *(row["method"] for row in rows)]))
    rows.sort(key=lambda row: (tasks.index(row["task"]), methods.index(row["method"])))
    return pd.DataFrame(rows)


def _unadapted_once(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with one of unadapted nets for each task: the one over most nets, those of a pool if there is one."""
    most: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["method"] == UNADAPTED and row["nets"] > most.get(row["task"], {"nets": 0})["nets"]:
            most[row["task"]] = row
    return [row for row in rows if row["method"] != UNADAPTED or row is most[row["task"]]]


def _directed(first: pd.Series, info: Mapping[str, DatasetInfo]) -> tuple[str, str]:
    """The source and the target: the datasets that nets were trained on before, and that they are adapted to.

    Networks must take the images of both, so one is often a variant. A variant gets the name of the
    dataset that it was made from, unless source and target would then have the same name.
    """
    source, target = first["source"], first["dataset"]
    roots = [info[name].root if name in info else name for name in (source, target)]
    return (source, target) if roots[0] == roots[1] else (roots[0], roots[1])


def _task(table: Table, first: pd.Series, info: Mapping[str, DatasetInfo]) -> str:
    return " → ".join(_directed(first, info)) if table.by_direction else first["dataset"]


def _fidelity(table: Table, first: pd.Series, info: Mapping[str, DatasetInfo]) -> str:
    """What is known of the data of a measurement, and of the data that its nets were trained on before, if any."""
    name = first["dataset"]
    text = info[name].fidelity if name in info else first["fidelity"]
    if not table.by_direction or first["source"] not in info:
        return text
    source, target = _directed(first, info)
    texts = {target: text, source: info[first["source"]].fidelity}
    return "; ".join(f"{display_name(name)} {text}" for name, text in texts.items() if text)


def _reported(table: Table, task: str, method: str, first: pd.Series) -> Reported:
    """The paper's number; NaN if `first`, a measurement of the row, was not made in the paper's setting."""
    nothing = Reported(math.nan)
    paper = table.tasks.get(task)
    if paper is None or first["beyond"]:
        return nothing
    epochs = DISTILLED_EPOCHS if method in BASELINES else first["epochs"]  # a baseline chooses its epochs itself
    init = OWN_ROWS[method].init if method in OWN_ROWS else table.rivals_init
    setting = (first["net"], first["steps"], first["distilled_images"], first["init"], epochs)
    if setting != (paper.net, paper.steps, paper.images, init, DISTILLED_EPOCHS):
        return nothing
    return paper.reported.get(method, nothing)


def _measured_rows(table: Table, measurement: pd.DataFrame) -> Iterator[Row]:
    match kind_of(measurement):
        case "baseline":
            yield baseline_row(measurement)
        case "adaptation":
            yield nets_row(measurement, measurement["method"].iloc[0], "after", "")
        case _:
            yield from _set_rows(table, measurement)


def _set_rows(table: Table, measurement: pd.DataFrame) -> Iterator[Row]:
    """The row of nets after training on a set and, where the table has it, the row of pre-trained nets before that."""
    first = measurement.iloc[0]
    made_for = first.get("made_for", first["init"])  # a column of sets on other initial weights than their own
    found = (row for row, own in OWN_ROWS.items() if (own.init, own.made_for or own.init) == (first["init"], made_for))
    method = next(found, None)
    if method is None:
        raise UserError(f"a table has no row for sets of init {made_for} on nets of init {first['init']}; leave it out")
    departures = f", {first['beyond']}" if first["beyond"] else ""
    yield nets_row(measurement, method, "after", f"as distilled{departures}")
    if table.by_direction:
        of_first = measurement[measurement[SEED] == first[SEED]] if SEED in measurement else measurement
        yield nets_row(of_first, UNADAPTED, "before", "")  # the nets of a pool, the same for every seed


def nets_row(measurement: pd.DataFrame, method: str, stage: str, combination: str) -> Row:
    """The row of the nets of a `dd evaluate` or `dd adapt`, with all seeds in one, at a stage."""
    over_all = over_seeds(measurement[measurement["stage"] == stage])
    return Row(
        method=method,
        accuracy=over_all.mean,
        std=over_all.std,
        error=over_all.error,
        nets=over_all.nets,
        sets=over_all.sets,
        sets_std=over_all.sets_std,
        test_images=measurement["test_images"].iloc[0],
        combination=combination,
        chosen_on="",
    )


def baseline_row(measurement: pd.DataFrame) -> Row:
    """The row of a `dd baseline`: its best combination, tested."""
    test = measurement[measurement["stage"] == "test"]
    over_all, chosen_on = pooled(test), test["chosen_on"].iloc[0]
    return Row(
        method=test["baseline"].iloc[0],
        accuracy=over_all.mean,
        std=over_all.std,
        error=over_all.error,
        nets=None if "metric" in test else over_all.nets,
        sets=over_all.sets,
        sets_std=over_all.sets_std,
        test_images=test["images"].iloc[0],
        combination=combination(test),
        chosen_on=chosen_on if chosen_on in CHOSEN_ON else "",  # a protocol leaves nothing to choose
    )


def notes(table: Table, rows: pd.DataFrame) -> list[str]:
    """The notes below the table: where numbers come from, and what is missing."""
    scale = rows["scale"].iloc[0]
    lines = [f"Scale {scale}; accuracy on test images, mean ± standard deviation over held-out nets and sets."]
    lines.append(INTERVAL_NOTE)
    for _, row in rows[rows["method"].isin(OWN_ROWS) & (rows["sets"] > 1)].iterrows():
        lines.append(f"{display_name(row['task'])}: {row['label']}: {seeds_text(row['sets'], row['sets_std'])}.")
    for chosen_on in sorted({chosen for chosen in rows["chosen_on"] if chosen}):
        lines.append(f"The combination of a baseline was chosen on {CHOSEN_ON[chosen_on]}.")
    for task, group in rows.groupby("task", sort=False):
        known = f"{group['test_images'].iloc[0]:,} test images; {group['fidelity'].iloc[0]}"
        lines.append(f"{display_name(str(task))}: {known}")
    for task in rows["task"].unique():
        of_task = rows[(rows["task"] == task) & (rows["beyond"] != "")]
        for departures, group in of_task.groupby("beyond", sort=False):
            labels = ", ".join(group["label"])
            sets = of_set_with(str(departures))
            lines.append(f"{display_name(task)}: {labels}: {sets}: the paper has no number of that.")
    lines += [f"{display_name(task)}: not run at this scale." for task in table.tasks if task not in set(rows["task"])]
    return lines
