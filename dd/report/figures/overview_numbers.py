"""The paper's Figure 1: accuracy before and after training on distilled images, reported and measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dd.report.comparison_source import ComparisonSource
from dd.report.figures.poisoning_claims import paper_setting
from dd.report.measurements import with_kind
from dd.report.provenance import with_provenance
from dd.report.records import PaperNumber, Place, Reported
from dd.report.seeds import error_of, over_seeds
from dd.report.verdicts import MeasuredNumber

if TYPE_CHECKING:
    import pandas as pd

ATTACKED = "attacked"
"""The measure that a set made for poisoning is shown by: accuracy on the attacked class, by the true labels."""


class Shown(NamedTuple):
    """One line of Figure 1: the setting, and accuracy in percent before and after training."""

    measure: str
    setting: dict[str, object]
    before: Reported
    after: Reported
    printed_before: tuple[str, str] | None = None
    """Where the paper prints the accuracy before training too: table or figure, and row."""
    printed_after: tuple[str, str] | None = None


PAPER = {
    "mnist": [
        Shown(
            "accuracy",
            {"init": "fixed", "net": "LeNet", "steps": 1, "epochs": 3, "distilled_images": 10},
            Reported(13.0),
            Reported(94.0),
            ("fig2a", "before"),
            ("fig2a", "after"),
        )
    ],
    "cifar10": [
        Shown(
            "accuracy",
            {"init": "fixed", "net": "AlexCifarNet", "steps": 10, "epochs": 3, "distilled_images": 100},
            Reported(9.0),
            Reported(54.0),
            ("fig2b", "before"),
            ("table1", "fixed"),
        ),
        Shown(
            ATTACKED,
            paper_setting("cifar10"),
            Reported(82.0),
            Reported(7.0),
        ),
    ],
    "svhn → mnist": [
        Shown(
            "accuracy",
            {"init": "random_pretrained", "net": "LeNet", "steps": 10, "epochs": 3, "distilled_images": 100},
            Reported(52.0),
            Reported(85.0),
            ("table2", "none"),
            ("table2", "random_pretrained"),
        )
    ],
}
"""The lines of Figure 1, by task."""
LABELS = {"accuracy": "accuracy", ATTACKED: "accuracy, attacked class"}
PICTURE = "read from the picture"


def overview_row(evaluated: pd.DataFrame, task: str, scale: str) -> dict[str, object]:
    """What a CSV of `dd evaluate` says of one line: accuracy before and after training, in percent, and the setting."""
    rows = with_provenance(evaluated)
    first = rows.iloc[0]
    measure = ATTACKED if ATTACKED in rows else "accuracy"
    found: dict[str, object] = {"task": task, "scale": scale, "measure": measure}
    columns = ("dataset", "source", "net", "init", "steps", "epochs", "distilled_images", "beyond", "fidelity")
    found |= {column: first[column] for column in (*columns, "test_images")}
    found |= {column: first.get(column, -1) for column in ("attack_class", "target_class")}
    for stage in ("before", "after"):
        over_all = over_seeds(rows[rows["stage"] == stage], measure)
        found |= {stage: over_all.mean, f"{stage}_std": over_all.std, f"{stage}_error": over_all.error}
    return found | {"nets": over_all.nets, "sets": over_all.sets, "sets_std": over_all.sets_std}


def overview_table(lines: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """The numbers of the figure, a row for each line."""
    import pandas as pd

    return with_kind("overview", pd.DataFrame(lines))


def _paper_numbers() -> Iterator[PaperNumber]:
    for task, lines in PAPER.items():
        for line in lines:
            for stage, number, printed in (
                ("before", line.before, line.printed_before),
                ("after", line.after, line.printed_after),
            ):
                label = f"{LABELS[line.measure]}, {stage} training"
                row = f"{line.measure} {stage}"
                ours, attacked = stage == "after", line.measure == ATTACKED
                yield PaperNumber(
                    Place("fig1", task),
                    row,
                    label,
                    number,
                    remark=PICTURE,
                    ours=ours,
                    lower_is_better=ours and attacked,
                    printed_as=printed,
                )


def _measured_numbers(name: str, rows: pd.DataFrame) -> Iterator[MeasuredNumber]:
    if name != "fig1":
        return
    for _, row in rows.iterrows():
        for line in PAPER.get(row["task"], []):
            if line.measure != row["measure"]:
                continue
            same = all(row[key] == value for key, value in line.setting.items())
            for stage in ("before", "after"):
                known = row[stage], row[f"{stage}_std"], error_of(row, f"{stage}_"), row["nets"], row.get("sets", 1)
                yield MeasuredNumber(Place(name, row["task"]), f"{line.measure} {stage}", *known, same)


COMPARISON = ComparisonSource(
    module=__name__,
    csv_kind="overview",
    task_column="task",
    tasks={"fig1": tuple(PAPER)},
    numbers=tuple(_paper_numbers()),
    measure=_measured_numbers,
)
