"""The bars of a figure of poisoning: their numbers, and the picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dd.baselines import BASELINES
from dd.distill.settings import POISONING
from dd.report.figures.poisoning_claims import ATTACK_SETTING, ATTACKS, OURS, judge_attack, paper_setting
from dd.report.measurements import combination, kind_of, pooled, with_kind
from dd.report.provenance import data_lines, with_provenance
from dd.report.seeds import over_seeds, seeds_text
from dd.report.wording import display_name, made_with, small_print
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Bar(NamedTuple):
    """One bar of each panel."""

    dataset: str
    method: str


SETTING_COLUMNS = ("net", *ATTACK_SETTING)
MEASURE_TITLES = {
    "accuracy": "accuracy, attacker's labels",
    "misled": "attacked class taken for the target",
    "others": "accuracy on the other classes",
}
"""The measures of `POISONING` that are drawn, in percent, and the titles of their panels."""
OURS_COLOR = "#1f6fb4"
BASELINE_COLORS = ("#c9c9c9", "#a9a9a9", "#898989", "#696969")


def bar_label(method: str) -> str:
    """The name below a bar."""
    return "Ours" if method == OURS else BASELINES[method].label


def poisoning_rows(measured: Sequence[pd.DataFrame], scale: str) -> pd.DataFrame:
    """One row for each dataset, method and measure (of `POISONING`), with the setting it was measured in.

    Among the columns are before and before_std (%, of the nets before training), mean, std and error (%), nets, sets,
    sets_std (of the sets' means; a set of ours is a seed), and fidelity.
    Baselines have no values in before, before_std and fidelity.

    Args:
        measured: tables of `dd evaluate`, with all seeds in one, and `dd baseline` for sets made for poisoning.
        scale: the name of the scale at which they were measured.

    Raises:
        UserError: a dataset has no distilled set, or several, or several tables of one baseline.
    """
    import pandas as pd

    rows = [row for table in map(with_provenance, measured) for row in _rows(table, scale)]
    bars = [Bar(row["dataset"], row["method"]) for row in rows if row["measure"] == POISONING[0]]
    for bar in bars:
        if Bar(bar.dataset, OURS) not in bars or bars.count(bar) > 1:
            raise UserError(
                f"--metrics: {bar.dataset} needs one table of `dd evaluate`, and one at most of each `dd baseline`"
            )
    order = [OURS, *BASELINES]
    rows.sort(key=lambda row: order.index(row["method"]))
    return with_kind("poisoning", pd.DataFrame(rows).sort_values("dataset", kind="stable"))


def _rows(table: pd.DataFrame, scale: str) -> Iterator[dict]:
    """The rows of one distilled set or one baseline."""
    of_baseline = kind_of(table) == "baseline"
    test = table[table["stage"] == ("test" if of_baseline else "after")]
    first = test.iloc[0]
    known = {column: first[column] for column in ("dataset", *SETTING_COLUMNS, "beyond", "fidelity")}
    if of_baseline:
        known |= {"method": first["baseline"], "scale": scale, "combination": combination(test)}
        known |= {"sets": len(test), "chosen_on": first["chosen_on"]}
    else:
        known |= {"method": OURS, "scale": scale, "combination": "as distilled"}
        known |= {"sets": over_seeds(test).sets, "chosen_on": ""}
    for measure in (name for name in POISONING if name in table):
        before = table.loc[table["stage"] == "before", measure]  # a baseline has none
        row = known | {"measure": measure, "before": before.mean(), "before_std": before.std()}
        over_all = pooled(test, measure) if of_baseline else over_seeds(test, measure)
        yield row | {key: getattr(over_all, key) for key in ("mean", "std", "nets", "error", "sets_std")}


def poisoning_picture(rows: pd.DataFrame) -> Figure:
    """One row of panels for each dataset, one panel for each measure: means and one standard deviation."""
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(rows["dataset"]))
    figure = Figure(figsize=(10, 3.1 * len(datasets) + 0.4), layout="constrained")
    for axes, dataset in zip(figure.subplots(len(datasets), 3, squeeze=False), datasets, strict=True):
        of_dataset = rows[rows["dataset"] == dataset]
        first = of_dataset.iloc[0]
        for panel, measure in zip(axes, MEASURE_TITLES, strict=True):
            _draw_bars(panel, of_dataset, measure)
        seeds = f"{first['sets']} seeds x " if first["sets"] > 1 else ""
        axes[0].set_ylabel(
            f"{display_name(dataset)}, {first['attack_class']} → {first['target_class']}\n"
            f"{first['distilled_images']} images, {seeds}{first['nets']} held-out nets",
            fontsize=8,
        )
        verdict = "".join(map(str, judge_attack(of_dataset)[:1]))
        axes[1].set_xlabel(made_with(first["beyond"]) if first["beyond"] else verdict, fontsize=8)
    notes = [f"scale {rows['scale'].iloc[0]}, final state, test images", *_seeds_lines(rows), *data_lines(rows)]
    figure.supxlabel(small_print(notes, 10), fontsize=7, color="0.4")
    return figure


def _seeds_lines(rows: pd.DataFrame) -> list[str]:
    """What is said of each dataset that was attacked with several seeds."""
    several = rows[(rows["method"] == OURS) & (rows["measure"] == "misled") & (rows["sets"] > 1)]
    return [
        f"{display_name(row['dataset'])}, ours, {MEASURE_TITLES['misled']}: {seeds_text(row['sets'], row['sets_std'])}"
        for _, row in several.iterrows()
    ]


def _draw_bars(panel: Axes, rows: pd.DataFrame, measure: str) -> None:
    """Draw one measure of one dataset, with the paper's number if it was measured in the same setting."""
    bars = rows[rows["measure"] == measure].set_index("method")
    names = [name for name in (OURS, *BASELINES) if name in bars.index]
    colors = [OURS_COLOR, *itertools.islice(itertools.cycle(BASELINE_COLORS), len(names) - 1)]
    mean, std = bars.loc[names, "mean"], bars.loc[names, "std"]
    panel.bar(range(len(names)), mean, yerr=std, color=colors, capsize=3, error_kw={"lw": 1})
    for place, (value, top) in enumerate(zip(mean, mean + std.fillna(0), strict=True)):
        panel.text(place, top + 2, f"{value:.1f}", ha="center", fontsize=7)
    if measure == "misled" and _is_papers(rows.iloc[0]):
        paper = ATTACKS[rows["dataset"].iloc[0]].misled.mean
        panel.axhline(paper, color=OURS_COLOR, lw=1, ls="--", label=f"paper, ours: {paper}")
        panel.legend(loc="upper right", fontsize=7, frameon=False, borderaxespad=0)
    panel.set_xticks(range(len(names)), [bar_label(name).replace(" ", "\n") for name in names], fontsize=7)
    panel.set_ylim(0, 118)
    panel.tick_params(axis="y", labelsize=7)
    panel.set_title(f"{MEASURE_TITLES[measure]}, %", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _is_papers(row: pd.Series) -> bool:
    """Whether a row was measured in the paper's setting, of a set made by its method."""
    setting = paper_setting(row["dataset"])
    return bool(setting) and not row["beyond"] and all(row[key] == value for key, value in setting.items())
