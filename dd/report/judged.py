"""What `dd judge` has measured, as people read it: a table in the terminal and a bar chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.report.formatting import accuracy_text, mean_std

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

BAR_HEIGHT = 0.28
"""Inches."""


def columns_of(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a judgement as people read them: mean ± standard deviation over nets, in percent."""
    columns = table[["set", "net", "protocol"]].copy()
    columns["accuracy, %"] = [
        accuracy_text(*row) for row in table[["accuracy", "accuracy_std", "test_images"]].itertuples(index=False)
    ]
    if "margin" in table:
        for name in ("random", "margin"):
            pairs = table[[name, f"{name}_std"]].itertuples(index=False)
            columns[f"{name}, %" if name == "random" else "above random"] = [mean_std(*pair) for pair in pairs]
    if _has_lengths(table):
        columns.insert(3, "steps", table["gd_steps"])
    columns["nets"] = table["nets"]
    columns["seconds"] = table["seconds"].round().astype(int)
    return columns


def shown(table: pd.DataFrame) -> str:
    """The same as lines of text."""
    columns = columns_of(table)
    return columns.to_markdown(index=False, colalign=["left"] * 3 + ["right"] * (columns.shape[1] - 3))


def chart_of(table: pd.DataFrame) -> Figure:
    """Accuracy as bars, or against steps if native training has several lengths."""
    if _has_lengths(table):
        return _lines(table.dropna(subset="gd_steps"))
    return _bars(table)


def _has_lengths(table: pd.DataFrame) -> bool:
    """Whether a set was trained on for several numbers of epochs."""
    return "gd_steps" in table and table.groupby(["set", "net"])["gd_steps"].nunique().max() > 1


def _lines(table: pd.DataFrame) -> Figure:
    """A line for each set and net, with the standard deviation over nets, and another for as many random images."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    several_nets = table["net"].nunique() > 1
    for number, ((name, net), rows) in enumerate(table.sort_values("gd_steps").groupby(["set", "net"], sort=False)):
        label = f"{name}, {net}" if several_nets else str(name)
        colour = colormaps["tab10"](number % 10)
        lines = {"accuracy": (label, "-")}
        if "random" in rows:
            lines["random"] = (f"{label}: as many random real images", "--")
        for column, (told, style) in lines.items():
            steps, mean, std = rows["gd_steps"].astype(int), rows[column], rows[f"{column}_std"].fillna(0)
            axes.plot(steps, mean, style, marker="o", markersize=3, color=colour, label=told)
            axes.fill_between(steps, mean - std, mean + std, color=colour, alpha=0.12, linewidth=0)
    axes.set_xscale("log")
    axes.set_xlabel("steps of training", fontsize=8)
    axes.set_ylabel(f"test accuracy on {table['dataset'].iloc[0]}, %", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _bars(table: pd.DataFrame) -> Figure:
    """A bar for each row, with the standard deviation over nets; a line where as many random images are."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

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
        axes.legend(loc="lower right", fontsize=8)
    told = ["set", "net", "protocol"] if several_nets else ["set", "protocol"]
    labels = table[told].astype(str).agg(", ".join, axis=1)
    axes.set_yticks(list(places), list(labels), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    nets = sorted(set(table["nets"]))
    axes.set_xlabel(f"test accuracy on {table['dataset'].iloc[0]}, %; nets: {', '.join(map(str, nets))}")
    return figure
