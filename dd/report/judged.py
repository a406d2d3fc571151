"""What `dd judge` has measured, as people read it: a table in the terminal and a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dd.evaluation.protocols import WHOLE
from dd.report.formatting import MISSING, accuracy_text, mean_std

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAR_HEIGHT = 0.28
"""Inches."""


def columns_of(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a judgement as people read them: mean ± standard deviation over nets, in percent."""
    columns = table[["set", "images", "net", "protocol"]].copy()
    columns["accuracy, %"] = [
        accuracy_text(*row) for row in table[["accuracy", "accuracy_std", "test_images"]].itertuples(index=False)
    ]
    if "margin" in table:
        for name in ("random", "margin"):
            pairs = table[[name, f"{name}_std"]].itertuples(index=False)
            columns[f"{name}, %" if name == "random" else "above random"] = [mean_std(*pair) for pair in pairs]
    if "gd_steps" in table and table["gd_steps"].notna().any():
        columns.insert(4, "steps", [MISSING if pd.isna(steps) else str(int(steps)) for steps in table["gd_steps"]])
    columns["nets"] = table["nets"]
    if overflowed(table):
        columns["overflowed"] = table[overflow_columns(table)].sum(axis=1).astype(int)
    columns["seconds"] = table["seconds"].round().astype(int)
    return columns


def overflow_columns(table: pd.DataFrame) -> list[str]:
    """The columns that count networks whose weights were too large for numbers at the end of their training."""
    return [name for name in ("overflowed", "random_overflowed") if name in table]


def overflowed(table: pd.DataFrame) -> bool:
    """Whether there were any, on the set or on random images."""
    return bool((table[overflow_columns(table)] > 0).any(axis=None))


def shown(table: pd.DataFrame) -> str:
    """The same as lines of text."""
    columns = columns_of(table)
    numbers = columns.shape[1] - 4
    return columns.to_markdown(index=False, colalign=["left", "right", "left", "left", *["right"] * numbers])


def chart_of(table: pd.DataFrame) -> Figure:
    """Accuracy as bars, or against steps if native training has several lengths."""
    lengths = table.groupby(["set", "net"])["gd_steps"].nunique() if "gd_steps" in table else pd.Series([0])
    return _lines(table) if lengths.max() > 1 else _bars(table)


def _lines(table: pd.DataFrame) -> Figure:
    """A line for each set and net, with the standard deviation over nets, and another for as many random images.

    Other training is a level, a dotted line.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    several_nets = table["net"].nunique() > 1
    native = table.dropna(subset="gd_steps")
    for number, ((name, net), rows) in enumerate(native.groupby(["set", "net"], sort=False)):
        label = f"{name}, {net}" if several_nets else str(name)
        style = {"color": colormaps["tab10"](number % 10), "marker": "os^Dv"[number // 10 % 5], "markersize": 3}
        _line(axes, rows, "accuracy", label=label, **style)
        if "random" in rows and rows["random"].notna().any():
            _line(axes, rows, "random", label=f"{label}: as many random real images", linestyle="--", **style)
    names = ["set", "net", "protocol"] if several_nets else ["set", "protocol"]
    for number, row in enumerate(table[table["gd_steps"].isna()].to_dict("records")):
        label = ", ".join(row[name] for name in names)
        axes.axhline(row["accuracy"], color=colormaps["Dark2"](number % 8), linestyle=":", label=label)
    axes.set_xscale("log")
    axes.set_xlabel("steps of training", fontsize=8)
    axes.set_ylabel(f"test accuracy on {table['dataset'].iloc[0]}, %", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def _line(axes: Axes, rows: pd.DataFrame, column: str, **style: Any) -> None:
    """A mean against steps, with a band of one standard deviation over nets."""
    ordered = rows.sort_values("gd_steps")
    steps, mean, std = ordered["gd_steps"].astype(int), ordered[column], ordered[f"{column}_std"].fillna(0)
    axes.plot(steps, mean, **style)
    axes.fill_between(steps, mean - std, mean + std, color=style["color"], alpha=0.12, linewidth=0)


def _bars(table: pd.DataFrame) -> Figure:
    """A bar for each row, with the standard deviation over nets; a mark where as many random images are.

    Networks trained on all training images are a line from top to bottom.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    whole, table = table[table["set"] == WHOLE], table[table["set"] != WHOLE]
    protocols = list(dict.fromkeys(table["protocol"]))
    colours = {protocol: colormaps["tab10"](number) for number, protocol in enumerate(protocols)}
    several_nets = table["net"].nunique() > 1
    figure = Figure(figsize=(7, 1.2 + BAR_HEIGHT * len(table)), layout="constrained")
    axes = figure.subplots()
    places = range(len(table))
    axes.barh(
        places, table["accuracy"], xerr=table["accuracy_std"].fillna(0), color=table["protocol"].map(colours), capsize=2
    )
    if "random" in table:
        axes.plot(table["random"], places, "|", color="black", markersize=12, label="random real images")
    for number, row in enumerate(whole.to_dict("records")):
        label = f"{WHOLE}, {row['net']}, {row['protocol']}"
        axes.axvline(row["accuracy"], color=colormaps["Dark2"](number % 8), linestyle=":", label=label)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    told = ["set", "net", "protocol"] if several_nets else ["set", "protocol"]
    labels = table[told].astype(str).agg(", ".join, axis=1)
    axes.set_yticks(list(places), list(labels), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    nets = sorted(set(table["nets"]))
    axes.set_xlabel(f"test accuracy on {table['dataset'].iloc[0]}, %; nets: {', '.join(map(str, nets))}")
    return figure
