"""What the paper says of curves of accuracy, and whether measured curves support it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dd.report.comparison_source import ComparisonSource
from dd.report.provenance import with_provenance
from dd.report.records import PaperClaim, Place
from dd.report.verdicts import ClaimVerdict, JudgedClaim, merged

if TYPE_CHECKING:
    import pandas as pd

AGAINST = {"steps": "GD steps", "epochs": "epochs", "distilled_images": "distilled images"}
"""The columns of `dd evaluate` that accuracy can be drawn against, and their names on the axis."""
CURVE_DATASETS = ("mnist", "cifar10")
"""The datasets of both figures of the paper."""
LEVEL_OFF = "They level off"
LESS_THAN_STEPS = "Epochs help less than steps"
MANY_BEAT_ONE = "Many steps beat one"
CURVE_CLAIMS = {
    "fig4": ("More steps help", "More epochs help", LEVEL_OFF, LESS_THAN_STEPS),
    "fig5": (MANY_BEAT_ONE,),
}
"""What the paper says of its curves (Section 4.1), by figure."""
POINT_COLUMNS = ["x", "steps", "mean", "std", "nets"]


class Line(NamedTuple):
    """A curve."""

    panel: str
    label: str
    dataset: str
    against: str
    """What it is drawn against: a key of `AGAINST`."""
    points: pd.DataFrame
    """Columns x, steps, mean, std, nets; sorted by x."""
    departures: str = ""
    """How its sets depart from the paper's method; empty if they do not."""

    @property
    def gain(self) -> float:
        """The accuracy of the last point minus that of the first, in percentage points."""
        return self.points["mean"].iloc[-1] - self.points["mean"].iloc[0]


class JudgedPanel(NamedTuple):
    """The verdicts on the claims about one dataset in one panel."""

    panel: str
    dataset: str
    verdicts: list[ClaimVerdict]


def from_table(table: pd.DataFrame) -> list[Line]:
    """The lines of a `to_table`."""
    columns = ["panel", "label", "dataset", "against", "beyond"]
    lines = []
    # pandas reads a label "none" as a missing value
    for _, rows in with_provenance(table).groupby(columns, sort=False, dropna=False):
        first, points = rows.iloc[0], rows[POINT_COLUMNS].reset_index(drop=True)
        lines.append(Line(first["panel"], first["label"], first["dataset"], first["against"], points, first["beyond"]))
    return lines


def judge_lines(lines: Sequence[Line]) -> list[JudgedPanel]:
    """Whether the lines made by the paper's method support what the paper says of such curves.

    It says that more steps help; that more epochs help, that their curve levels off (of three points or more, the last
    gains less for each epoch than the first), and that they help less than steps, over the ranges drawn on one dataset;
    and that many steps beat one step with as many images.
    """
    lines = [line for line in lines if not line.departures]
    judged: dict[Place, list[Line]] = {}
    for line in lines:
        judged.setdefault(Place(line.panel, line.dataset), []).append(line)
    panels = []
    for (panel, dataset), inside in judged.items():
        if inside[0].against == "distilled_images":
            verdicts = _many_against_one(inside)
        else:
            verdicts = merged(one for line in inside for one in _more_helps(line)) + _less_than_steps(inside, lines)
        panels.append(JudgedPanel(panel, dataset, verdicts))
    return panels


def _more_helps(line: Line) -> Iterator[ClaimVerdict]:
    yield ClaimVerdict(f"More {line.against} help", line.gain > 0, f"{line.gain:+.1f} points")
    if line.against == "epochs" and len(line.points) > 2:
        gains = line.points["mean"].diff() / line.points["x"].diff()
        first, last = gains.iloc[1], gains.iloc[-1]
        yield ClaimVerdict(LEVEL_OFF, last < first, f"{first:+.1f}, at last {last:+.1f} points an epoch")


def _less_than_steps(inside: Sequence[Line], lines: Sequence[Line]) -> list[ClaimVerdict]:
    epochs = [line for line in inside if line.against == "epochs"]
    datasets = {line.dataset for line in epochs}
    steps = [line.gain for line in lines if line.against == "steps" and line.dataset in datasets]
    if not steps:
        return []
    most, least = max(line.gain for line in epochs), min(steps)
    return [ClaimVerdict(LESS_THAN_STEPS, most < least, f"{most:+.1f} against {least:+.1f} points")]


def _many_against_one(lines: Sequence[Line]) -> list[ClaimVerdict]:
    one = [line for line in lines if (line.points["steps"] == 1).all()]
    if len(lines) != 2 or len(one) != 1:
        return []
    (many,) = (line for line in lines if line is not one[0])
    several = many.points[many.points["steps"] > 1].set_index("x")["mean"]
    ahead = (several - one[0].points.set_index("x")["mean"]).dropna()
    if ahead.empty:
        return []
    return [ClaimVerdict(MANY_BEAT_ONE, bool((ahead > 0).all()), f"by {ahead.min():.1f} to {ahead.max():.1f} points")]


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    for name, table in tables.items():
        panels = judge_lines(from_table(table))
        for dataset in table["dataset"].unique():
            verdicts = merged(verdict for one in panels if one.dataset == dataset for verdict in one.verdicts)
            yield from (JudgedClaim(Place(name, dataset), verdict) for verdict in verdicts)


COMPARISON = ComparisonSource(
    module=__name__,
    csv_kind="curves",
    task_column="dataset",
    tasks=dict.fromkeys(CURVE_CLAIMS, CURVE_DATASETS),
    claims=tuple(
        PaperClaim(Place(name, dataset), text)
        for name, texts in CURVE_CLAIMS.items()
        for dataset in CURVE_DATASETS
        for text in texts
    ),
    judge=_judged,
)
