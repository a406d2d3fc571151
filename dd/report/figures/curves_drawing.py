"""The lines of a figure of curves: their points, and the picture."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dd.report.figures.curves_claims import AGAINST, POINT_COLUMNS, Line, judge_lines
from dd.report.measurements import with_kind
from dd.report.provenance import with_provenance
from dd.report.wording import display_name, small_print

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE_COLORS = ("#1f6fb4", "#c8571b", "#3a923a")


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
        rows.append([x, steps, accuracy.mean(), accuracy.std(), len(accuracy)])
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
