"""Pictures of measurements: Figures 4 and 5, and Section 3.3."""

import itertools
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dd.report.provenance import noted, shown, small_print
from dd.report.verdicts import Said, merged

LEAST = 1e-8
"""Smaller gaps are drawn here: they are rounding."""
STYLES = {
    "closed form": {"color": "#1f6fb4", "marker": "o"},
    "learned": {"color": "#c8571b", "marker": "s", "markersize": 4},
    "lower bound": {"color": "0.4", "linestyle": "--"},
}


def linear_case(table: pd.DataFrame) -> Figure:
    """The gap after one GD step against M / D: mean over initial weights, least and greatest problem as a band."""
    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axes = figure.subplots()
    for method, style in STYLES.items():
        by_size = table[table["method"] == method].groupby("M")["gap"]
        share = np.array(sorted(table["M"].unique())) / table["D"].iloc[0]
        least, mean, most = (np.maximum(values, LEAST) for values in (by_size.min(), by_size.mean(), by_size.max()))
        axes.plot(share, mean, label=method, zorder=3 if method == "learned" else 2, **style)
        if method != "lower bound":
            axes.fill_between(share, least, most, color=style["color"], alpha=0.15, linewidth=0)
    axes.axvline(1, color="0.7", linewidth=1)
    axes.text(1.01, 0.97, "M = D", transform=axes.get_xaxis_transform(), color="0.4", va="top", fontsize=8)
    axes.set_yscale("log")
    axes.set_xlabel("distilled pairs / dimension, M / D", fontsize=8)
    axes.set_ylabel("gap to the global minimum,\nshare of that before the step", fontsize=8)
    axes.tick_params(labelsize=8)
    problems = table["problem"].nunique()
    axes.set_title(f"One GD step from any initial weights, {problems} random least-squares problems", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


AXES = {"steps": "GD steps", "epochs": "epochs", "distilled_images": "distilled images"}
"""What accuracy may be drawn against: columns of `dd evaluate`."""
POINT = ("x", "steps", "mean", "std", "nets")
COLORS = ("#1f6fb4", "#c8571b", "#3a923a")


class Line(NamedTuple):
    """A curve."""

    panel: str
    label: str
    dataset: str
    x: str
    """What it is drawn against, of `AXES`."""
    points: pd.DataFrame
    """Columns x, steps, mean, std, nets; sorted by x."""
    beyond: str = ""
    """Where its sets are not made in the paper's way."""

    @property
    def gain(self) -> float:
        """From the first to the last point, in percentage points."""
        return self.points["mean"].iloc[-1] - self.points["mean"].iloc[0]


def line(panel: str, label: str, x: str, measured: list[pd.DataFrame]) -> Line:
    """A line whose points are tables of `dd evaluate`: mean and standard deviation over held-out nets, in percent."""
    rows, beyond = [], {}
    for table in map(noted, measured):
        beyond[table["beyond"].iloc[0]] = None
        after = table[table["stage"] == "after"]
        first, accuracy = after.iloc[0], after["accuracy"]
        rows.append([first[x], first["steps"], accuracy.mean(), accuracy.std(ddof=0), len(accuracy)])
    points = pd.DataFrame(rows, columns=POINT)
    points = points.sort_values("x", ignore_index=True)
    return Line(panel, label, measured[0]["dataset"].iloc[0], x, points, "; ".join(filter(None, beyond)))


def to_table(lines: list[Line]) -> pd.DataFrame:
    """A row a point: panel, label, dataset, against (of `AXES`), beyond, x, steps, mean and std (%), nets."""
    parts = []
    for drawn in lines:
        known = {"panel": drawn.panel, "label": drawn.label, "dataset": drawn.dataset, "against": drawn.x}
        known["beyond"] = drawn.beyond
        parts.append(pd.DataFrame([known] * len(drawn.points)).join(drawn.points))
    return pd.concat(parts, ignore_index=True)


def from_table(table: pd.DataFrame) -> list[Line]:
    """The lines of a `to_table`."""
    keys = ["panel", "label", "dataset", "against", "beyond"]
    groups = noted(table).groupby(keys, sort=False, dropna=False)  # a label "none" is read as nothing
    return [Line(*key, points[list(POINT)].reset_index(drop=True), beyond) for (*key, beyond), points in groups]


CLAIMS = {
    "fig4": ("More steps help", "More epochs help", "They level off", "Epochs help less than steps"),
    "fig5": ("Many steps beat one",),
}
"""What the paper says of its curves (Section 4.1), by figure."""


def claims(lines: list[Line]) -> dict[tuple[str, str], list[Said]]:
    """What the paper says of such curves, and whether those made in its way bear it out: by panel and dataset.

    More steps help. More epochs help, and level off: the last points gain less an epoch than the first (from three
    points on); and they help less than steps, over the range drawn of each on one dataset. Many steps beat one with as
    many images.
    """
    said: dict[tuple[str, str], list[Said]] = {}
    lines = [drawn for drawn in lines if not drawn.beyond]
    for key in dict.fromkeys((drawn.panel, drawn.dataset) for drawn in lines):
        inside = [drawn for drawn in lines if (drawn.panel, drawn.dataset) == key]
        if inside[0].x == "distilled_images":
            said[key] = _many_against_one(inside)
        else:
            said[key] = merged([one for drawn in inside for one in _more(drawn)]) + _less_than_steps(inside, lines)
    return said


def _more(drawn: Line) -> list[Said]:
    said = [Said(f"More {drawn.x} help", drawn.gain > 0, f"{drawn.gain:+.1f} points")]
    if drawn.x == "epochs" and len(drawn.points) > 2:
        slopes = drawn.points["mean"].diff() / drawn.points["x"].diff()
        first, last = slopes.iloc[1], slopes.iloc[-1]
        said.append(Said("They level off", last < first, f"{first:+.1f}, at last {last:+.1f} points an epoch"))
    return said


def _less_than_steps(inside: list[Line], lines: list[Line]) -> list[Said]:
    epochs = [drawn for drawn in inside if drawn.x == "epochs"]
    steps = [drawn.gain for drawn in lines for of in epochs if drawn.x == "steps" and drawn.dataset == of.dataset]
    if not steps:
        return []
    most, least = max(drawn.gain for drawn in epochs), min(steps)
    return [Said("Epochs help less than steps", most < least, f"{most:+.1f} against {least:+.1f} points")]


def _many_against_one(lines: list[Line]) -> list[Said]:
    one = [drawn for drawn in lines if (drawn.points["steps"] == 1).all()]
    if len(lines) != 2 or len(one) != 1:
        return []
    (many,) = (drawn for drawn in lines if drawn is not one[0])
    several = many.points[many.points["steps"] > 1].set_index("x")["mean"]
    ahead = (several - one[0].points.set_index("x")["mean"]).dropna()
    if ahead.empty:
        return []
    return [Said("Many steps beat one", (ahead > 0).all(), f"by {ahead.min():.1f} to {ahead.max():.1f} points")]


def accuracy_curves(lines: list[Line], notes: list[str]) -> Figure:
    """A panel for each of the lines' panels, mean with a band of one standard deviation, the claims below it, and
    `notes` in small print.
    """
    panels = list(dict.fromkeys(drawn.panel for drawn in lines))
    said, datasets = claims(lines), {drawn.dataset for drawn in lines}
    figure = Figure(figsize=(5 * len(panels), 4.2), layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        inside = [drawn for drawn in lines if drawn.panel == panel]
        for drawn, color in zip(inside, itertools.cycle(COLORS), strict=False):
            x, mean, std = (drawn.points[column] for column in ("x", "mean", "std"))
            label = f"{drawn.label}, {drawn.beyond}" if drawn.beyond else drawn.label
            axes.plot(x, mean, color=color, marker="o", markersize=4, label=label)
            axes.fill_between(x, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        nets = inside[0].points["nets"].iloc[0]
        axes.set_title(f"{panel}, {nets} held-out nets", fontsize=9)
        told = [(dataset, one) for (where, dataset), several in said.items() if where == panel for one in several]
        below = "\n".join(f"{shown(dataset)}: {one}" if len(datasets) > 1 else str(one) for dataset, one in told)
        axes.set_xlabel(f"{AXES[inside[0].x]}\n\n{below}", fontsize=8)
        axes.set_ylabel("test accuracy, %", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.supxlabel(small_print(notes, 5 * len(panels)), fontsize=7, color="0.4")
    return figure
