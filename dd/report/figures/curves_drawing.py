"""The lines of a figure of curves: their points, what the paper says of such lines, and the picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dd.report.figures.curves import AGAINST, LESS_THAN_STEPS, LEVEL_OFF, MANY_BEAT_ONE
from dd.report.measurements import with_kind
from dd.report.provenance import with_provenance
from dd.report.reported import Place
from dd.report.verdicts import ClaimVerdict, merged
from dd.report.wording import display_name, small_print

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINT_COLUMNS = ["x", "steps", "mean", "std", "nets"]
LINE_COLORS = ("#1f6fb4", "#c8571b", "#3a923a")


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


def make_line(panel: str, label: str, against: str, measured: Sequence[pd.DataFrame]) -> Line:
    """The line with one point for each table of `dd evaluate`: mean and standard deviation over held-out nets (%)."""
    import pandas as pd

    rows = []
    departures = []
    for table in map(with_provenance, measured):
        departures.append(table["beyond"].iloc[0])
        after = table[table["stage"] == "after"]
        accuracy = after["accuracy"]
        x, steps = after[against].iloc[0], after["steps"].iloc[0]
        rows.append([x, steps, accuracy.mean(), accuracy.std(ddof=0), len(accuracy)])
    points = pd.DataFrame(rows, columns=POINT_COLUMNS).sort_values("x", ignore_index=True)
    every = "; ".join(text for text in dict.fromkeys(departures) if text)
    return Line(panel, label, measured[0]["dataset"].iloc[0], against, points, every)


def to_table(lines: Sequence[Line]) -> pd.DataFrame:
    """One row for each point: panel, label, dataset, against (see `AGAINST`), beyond, x, steps, mean, std (%), nets."""
    import pandas as pd

    parts = []
    for line in lines:
        known = {"panel": line.panel, "label": line.label, "dataset": line.dataset, "against": line.against}
        known["beyond"] = line.departures
        parts.append(pd.DataFrame([known] * len(line.points)).join(line.points))
    return with_kind("curves", pd.concat(parts, ignore_index=True))


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


def curves_picture(lines: Sequence[Line], notes: list[str]) -> Figure:
    """Means with a band of one standard deviation. Below each panel are the verdicts; `notes` is small print."""
    from matplotlib.figure import Figure

    panels = list(dict.fromkeys(line.panel for line in lines))
    judged = judge_lines(lines)
    several_datasets = len({line.dataset for line in lines}) > 1
    figure = Figure(figsize=(5 * len(panels), 4.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        sentences = []
        for one in judged:
            if one.panel == panel:
                start = f"{display_name(one.dataset)}: " if several_datasets else ""
                sentences += [f"{start}{verdict}" for verdict in one.verdicts]
        _draw_panel(axes, [line for line in lines if line.panel == panel], sentences)
    figure.supxlabel(small_print(notes, 5 * len(panels)), fontsize=7, color="0.4")
    return figure


def _draw_panel(axes: Axes, lines: Sequence[Line], sentences: Sequence[str]) -> None:
    for line, color in zip(lines, itertools.cycle(LINE_COLORS), strict=False):
        x, mean, std = line.points["x"], line.points["mean"], line.points["std"]
        label = f"{line.label}, {line.departures}" if line.departures else line.label
        axes.plot(x, mean, color=color, marker="o", markersize=4, label=label)
        axes.fill_between(x, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)
    axes.locator_params(axis="x", integer=True)
    nets = lines[0].points["nets"].iloc[0]
    axes.set_title(f"{lines[0].panel}, {nets} held-out nets", fontsize=9)
    below = "\n".join(sentences)
    axes.set_xlabel(f"{AGAINST[lines[0].against]}\n\n{below}", fontsize=8)
    axes.set_ylabel("test accuracy, %", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
