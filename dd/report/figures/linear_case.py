"""Section 3.3 as a picture: one GD step on M distilled pairs, for least squares in D dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import Field

from dd.distill.linear_settings import LinearSettings
from dd.report.artefact import Section
from dd.report.comparison_source import ComparisonSource
from dd.report.figures.kind import Drawing, FigureArtefact, FigureKind
from dd.report.measurements import read_table
from dd.report.records import PaperClaim, Place
from dd.report.verdicts import ClaimVerdict, JudgedClaim
from dd.runtime.paths import INPUT

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SMALLEST_GAP = 1e-8
"""Smaller gaps are rounding errors; they are drawn at this value."""
LARGEST_ROUNDING = 1e-6
"""Smaller gaps to the global minimum count as none when the claim is judged."""
METHOD_STYLES: dict[str, dict[str, Any]] = {
    "closed form": {"color": "#1f6fb4", "marker": "o"},
    "learned": {"color": "#c8571b", "marker": "s", "markersize": 4},
    "lower bound": {"color": "0.4", "linestyle": "--"},
}
LINEAR_CLAIM = PaperClaim(
    Place("linear_case", "least squares"),
    "One GD step reaches the optimum from any weights if, and only if, M ≥ D",
)


class LinearCase(FigureArtefact[LinearSettings]):
    """The one figure of this kind, of the section `linear_case`."""

    rule = "draw_linear_case"
    command = "linear-figure"
    section = Section("linear_case", LinearSettings, Field(default_factory=LinearSettings))
    label = "linear case (Section 3.3)"

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, LinearSettings]:
        """See `Artefact`."""
        return {"linear_case": config.linear_case}

    def named(self) -> list[str]:
        """See `Artefact`."""
        return []

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": [self.run.files.linear_case()]}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        return ["--metrics", self.run.files.linear_case()]

    def measurements(self) -> list[str]:
        """See `Artefact`."""
        return [self.run.files.linear_case()]

    def caption(self) -> str:
        """See `Artefact`."""
        return (
            "Section 3.3: one GD step on M distilled pairs, for least squares in D dimensions. From M = D on, the "
            "closed form reaches the global minimum from any of 1,000 initial weights (the gaps drawn there are "
            "rounding errors) and Algorithm 1 comes close to it. With fewer pairs neither can: see the lower bound. "
            "Bands: from the smallest to the greatest of the random problems."
        )


def judge_linear_case(table: pd.DataFrame) -> ClaimVerdict:
    """The claim of Section 3.3 for the measurements of `dd linear-case`."""
    enough = table["M"] >= table["D"]
    left = table[enough & (table["method"] == "closed form")]["gap_max"].max()
    least = table[~enough & (table["method"] == "lower bound")]["gap"].min()
    gaps = table[~enough].pivot_table(index=["problem", "M"], columns="method", values="gap")
    under = (gaps["lower bound"] - gaps["learned"]).max()  # how far Algorithm 1 falls below what the proof allows
    holds = left < LARGEST_ROUNDING < least and under < LARGEST_ROUNDING
    detail = f"gap {left:.0e} from M = D on, at least {least:.1g} below; what is learned stays "
    detail += "on or above the bound" if under < LARGEST_ROUNDING else f"up to {under:.1g} under the bound"
    return ClaimVerdict(LINEAR_CLAIM.text, holds, detail)


def linear_case_picture(table: pd.DataFrame) -> Figure:
    """The gap after one GD step against M / D: the mean over all problems; as a band, the least and the greatest."""
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axes = figure.subplots()
    share = np.array(sorted(table["M"].unique())) / table["D"].iloc[0]
    for method, style in METHOD_STYLES.items():
        by_size = table[table["method"] == method].groupby("M")["gap"]
        mean = np.maximum(by_size.mean(), SMALLEST_GAP)
        axes.plot(share, mean, label=method, zorder=3 if method == "learned" else 2, **style)
        if method != "lower bound":
            least, greatest = np.maximum(by_size.min(), SMALLEST_GAP), np.maximum(by_size.max(), SMALLEST_GAP)
            axes.fill_between(share, least, greatest, color=style["color"], alpha=0.15, linewidth=0)
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


def draw(*, metrics: Path) -> Drawing:
    """The picture of a CSV of `dd linear-case`."""
    table = read_table(metrics, {"problem", "D", "M", "method", "gap"}, "linear-case", kind="linear case")
    return Drawing(linear_case_picture(table))


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    for name, table in tables.items():
        yield JudgedClaim(Place(name, LINEAR_CLAIM.place.task), judge_linear_case(table))


FIGURE = FigureKind(
    name="linear_case",
    order=4,
    module=__name__,
    artefact=LinearCase,
    command=LinearCase.command,
    help="""Draw what `dd linear-case` measured.

    \b
    Example:
      python -m dd linear-figure --metrics linear.csv --out linear.png
    """,
    options=(click.Option(["--metrics"], type=INPUT, required=True, help="CSV of `dd linear-case`."),),
    draw=draw,
    comparison=ComparisonSource(module=__name__, csv_kind="linear case", claims=(LINEAR_CLAIM,), judge=_judged),
)
