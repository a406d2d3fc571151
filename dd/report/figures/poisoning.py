"""Poisoning against its baselines, as in Figure 6: bars of what poisoned nets make of the test images."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from dd.baselines import BASELINES
from dd.distill.settings import POISONING
from dd.report.comparison_source import ComparisonSource
from dd.report.figures.kind import FILE, Drawing, FigureKind
from dd.report.measurements import combination, kind_of, pooled, read_measured, with_kind
from dd.report.paper_numbers import PaperClaim, PaperNumber, Place, Reported
from dd.report.provenance import data_lines, with_provenance
from dd.report.verdicts import ClaimVerdict, JudgedClaim, MeasuredNumber
from dd.report.wording import display_name, made_with, small_print
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Attack(NamedTuple):
    """What the paper, or the authors' project page, reports of poisoned nets."""

    net: str
    misled: Reported
    """Figure 6b, ours: percent of the attacked class taken for the target class."""
    before: Reported
    """Accuracy of the nets before they are poisoned, by the true labels."""


class Bar(NamedTuple):
    """One bar of each panel."""

    dataset: str
    method: str


ATTACKS = {
    "mnist": Attack("LeNet", misled=Reported(71.4, 29.6), before=Reported(98.6, 0.5)),
    "cifar10": Attack("AlexCifarNet", misled=Reported(45.9, 18.1), before=Reported(78.2, 1.1)),
}
"""By dataset."""
ATTACK_SETTING = {
    "init": "random_pretrained",
    "steps": 1,
    "epochs": 1,
    "attack_class": 0,
    "target_class": 1,
    "distilled_images": 100,
}
"""What the attacks of the paper have in common."""
SETTING_COLUMNS = ("net", *ATTACK_SETTING)
MEASURE_TITLES = {
    "accuracy": "accuracy, attacker's labels",
    "misled": "attacked class taken for the target",
    "others": "accuracy on the other classes",
}
"""What is drawn of `POISONING`, in percent."""
OURS = "ours"
OURS_COLOR = "#1f6fb4"
BASELINE_COLORS = ("#c9c9c9", "#a9a9a9", "#898989", "#696969")
ABOVE_BASELINES = "Ours above the best baseline by the attacker's labels"
AS_OFTEN_AS_SOME = "Ours misleads as often as some baselines, within 5 points"
MORE_OFTEN_THAN_ALL = "Ours misleads more often than every baseline"
OTHERS_STAY = "The other classes stay within 5 points"
MISLEADS_MOST = ("cifar10",)
"""Where the paper says that ours misleads more often than all baselines."""


def paper_setting(dataset: str) -> dict[str, object]:
    """The setting of Figure 6 by column; of a dataset that the paper lacks, nothing."""
    return {"net": ATTACKS[dataset].net, **ATTACK_SETTING} if dataset in ATTACKS else {}


def bar_label(method: str) -> str:
    """The name below a bar."""
    return "Ours" if method == OURS else BASELINES[method].label


def poisoning_rows(measured: Sequence[pd.DataFrame], scale: str) -> pd.DataFrame:
    """A row a dataset, method and measure (of `POISONING`), with the setting it was measured in.

    Among the columns are before and before_std (%, of the nets before training; none of baselines), mean and std (%),
    nets, and fidelity (none of baselines).

    Args:
        measured: tables of `dd evaluate` and `dd baseline` for sets made for poisoning.
        scale: that they were measured at.

    Raises:
        UserError: not one distilled set and at most one table a baseline, of each dataset.
    """
    import pandas as pd

    rows = [row for table in map(with_provenance, measured) for row in _rows(table, scale)]
    bars = [Bar(row["dataset"], row["method"]) for row in rows if row["measure"] == POISONING[0]]
    for bar in bars:
        if Bar(bar.dataset, OURS) not in bars or bars.count(bar) > 1:
            raise UserError(f"--metrics: {bar.dataset} wants one table of `dd evaluate`, and one of each `dd baseline`")
    order = [OURS, *BASELINES]
    rows.sort(key=lambda row: order.index(row["method"]))
    return with_kind("poisoning", pd.DataFrame(rows).sort_values("dataset", kind="stable"))


def _rows(table: pd.DataFrame, scale: str) -> Iterator[dict]:
    """Those of one distilled set or one baseline."""
    of_baseline = kind_of(table) == "baseline"
    test = table[table["stage"] == ("test" if of_baseline else "after")]
    first = test.iloc[0]
    known = {column: first[column] for column in ("dataset", *SETTING_COLUMNS, "beyond", "fidelity")}
    if of_baseline:
        known |= {"method": first["baseline"], "scale": scale, "combination": combination(test)}
        known |= {"sets": len(test), "chosen_on": first["chosen_on"]}
    else:
        known |= {"method": OURS, "scale": scale, "combination": "as distilled", "sets": 1, "chosen_on": ""}
    for measure in POISONING:
        before = table.loc[table["stage"] == "before", measure]  # of a baseline, none
        row = known | {"measure": measure, "before": before.mean(), "before_std": before.std(ddof=0)}
        if of_baseline:
            yield row | pooled(test, measure)._asdict()
        else:
            yield row | {"mean": test[measure].mean(), "std": test[measure].std(ddof=0), "nets": len(test)}


def attack_claims(dataset: str) -> tuple[str, str, str]:
    """What the paper says of the attack on a dataset, or would say of one that it lacks."""
    misleads = MORE_OFTEN_THAN_ALL if dataset in MISLEADS_MOST else AS_OFTEN_AS_SOME
    return ABOVE_BASELINES, misleads, OTHERS_STAY


def judge_attack(rows: pd.DataFrame) -> list[ClaimVerdict]:
    """Whether the measured numbers of one dataset support the `attack_claims`, in their order.

    "Some baselines" are two of them, or the one there is. Without any, there are no verdicts.
    """
    dataset = rows["dataset"].iloc[0]
    mean = rows.pivot_table(index="method", columns="measure", values="mean")
    if len(mean) == 1:
        return []
    ours, baselines = mean.loc[OURS], mean.drop(OURS)
    ahead = ours["accuracy"] - baselines["accuracy"].max()
    rivals = sorted(baselines["misled"])
    rival = rivals[-1] if dataset in MISLEADS_MOST else rivals[:2][-1] - 5
    others = rows[(rows["method"] == OURS) & (rows["measure"] == "others")].iloc[0]
    change = others["mean"] - others["before"]
    above, misleads, stay = attack_claims(dataset)
    misled = f"{ours['misled']:.1f} against {rivals[0]:.1f} to {rivals[-1]:.1f} %"
    return [
        ClaimVerdict(above, ahead > 0, f"{ahead:+.1f} points"),
        ClaimVerdict(misleads, ours["misled"] > rival, misled),
        ClaimVerdict(stay, change > -5, f"{others['before']:.1f} → {others['mean']:.1f} %"),
    ]


def poisoning_picture(rows: pd.DataFrame) -> Figure:
    """A row a dataset and a panel a measure: means with bars of one standard deviation."""
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(rows["dataset"]))
    figure = Figure(figsize=(10, 3.1 * len(datasets) + 0.4), layout="constrained")
    for axes, dataset in zip(figure.subplots(len(datasets), 3, squeeze=False), datasets, strict=True):
        of_dataset = rows[rows["dataset"] == dataset]
        first = of_dataset.iloc[0]
        for panel, measure in zip(axes, MEASURE_TITLES, strict=True):
            _draw_bars(panel, of_dataset, measure)
        axes[0].set_ylabel(
            f"{display_name(dataset)}, {first['attack_class']} → {first['target_class']}\n"
            f"{first['distilled_images']} images, {first['nets']} held-out nets",
            fontsize=8,
        )
        verdict = "".join(map(str, judge_attack(of_dataset)[:1]))
        axes[1].set_xlabel(made_with(first["beyond"]) if first["beyond"] else verdict, fontsize=8)
    notes = [f"scale {rows['scale'].iloc[0]}, final state, test images", *data_lines(rows)]
    figure.supxlabel(small_print(notes, 10), fontsize=7, color="0.4")
    return figure


def _draw_bars(panel: Axes, rows: pd.DataFrame, measure: str) -> None:
    """One measure of one dataset, with the paper's number where it is of this setting."""
    from matplotlib.colors import to_rgb

    bars = rows[rows["measure"] == measure].set_index("method")
    names = [name for name in (OURS, *BASELINES) if name in bars.index]
    colors = [OURS_COLOR, *itertools.islice(itertools.cycle(BASELINE_COLORS), len(names) - 1)]
    mean, std = bars.loc[names, "mean"], bars.loc[names, "std"]
    panel.bar(range(len(names)), mean, yerr=std, color=colors, capsize=3, error_kw={"lw": 1})
    for place, (value, color) in enumerate(zip(mean, colors, strict=True)):
        ink = "black" if sum(to_rgb(color)) > 1.8 else "white"
        panel.text(place, 2, f"{value:.1f}", ha="center", fontsize=7, color=ink)
    if measure == "misled" and _is_papers(rows.iloc[0]):
        paper = ATTACKS[rows["dataset"].iloc[0]].misled.mean
        panel.axhline(paper, color=OURS_COLOR, lw=1, ls="--", label=f"paper, ours: {paper}")
        panel.legend(loc="upper right", fontsize=7, frameon=False, borderaxespad=0)
    panel.set_xticks(range(len(names)), [bar_label(name).replace(" ", "\n") for name in names], fontsize=7)
    panel.set_ylim(0, 110)
    panel.tick_params(axis="y", labelsize=7)
    panel.set_title(f"{MEASURE_TITLES[measure]}, %", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _is_papers(row: pd.Series) -> bool:
    """Whether a row is of the paper's setting and method."""
    setting = paper_setting(row["dataset"])
    return bool(setting) and not row["beyond"] and all(row[key] == value for key, value in setting.items())


def draw(*, metrics: Sequence[Path], scale: str) -> Drawing:
    """Bars of CSVs of `dd evaluate` and `dd baseline`.

    Raises:
        UserError: one is not of a set made for poisoning; or see `poisoning_rows`.
    """
    tables = [read_measured(path) for path in metrics]
    for path, table in zip(metrics, tables, strict=True):
        missing = set(POISONING).difference(table)
        if missing:
            raise UserError(
                f"{path}: lacks {min(missing)}; measure it anew, of a set made for poisoning (attack_class)"
            )
    rows = poisoning_rows(tables, scale)
    return Drawing(poisoning_picture(rows), rows)


def _paper_numbers() -> Iterator[PaperNumber]:
    for dataset, attack in ATTACKS.items():
        yield PaperNumber(Place("fig6", dataset), "misled", "Attacked class taken for the target", attack.misled)
    for dataset, attack in ATTACKS.items():
        yield PaperNumber(Place("fig6", dataset), "nets", "Nets before, by the true labels", attack.before)


def _measured_numbers(name: str, rows: pd.DataFrame) -> Iterator[MeasuredNumber]:
    if name != "fig6":
        return
    for _, row in rows[rows["method"] == OURS].iterrows():
        place = Place(name, row["dataset"])
        same = all(row[key] == value for key, value in paper_setting(row["dataset"]).items())
        if row["measure"] == "misled":
            yield MeasuredNumber(place, "misled", row["mean"], row["std"], row["nets"], row["sets"], same)
        if row["measure"] == "clean":
            yield MeasuredNumber(place, "nets", row["before"], row["before_std"], row["nets"], row["sets"], same)


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    for name, rows in tables.items():
        for dataset, of_dataset in rows.groupby("dataset", sort=False):
            for verdict in judge_attack(of_dataset):
                yield JudgedClaim(Place(name, str(dataset)), verdict)


FIGURE = FigureKind(
    name="poisoning",
    order=3,
    module=__name__,
    section="bars",
    caption="bars.rst",
    command="bars",
    help=r"""Draw how poisoned nets do beside those poisoned with real images, as in the paper's Figure 6.

    \b
    Example, of a set with an attack_class:
      python -m dd bars --metrics accuracy.csv --metrics random.csv --scale mine --table bars.csv --out bars.png
    """,
    options=(
        click.Option(
            ["--metrics"],
            type=FILE,
            required=True,
            multiple=True,
            help="CSV of `dd evaluate` or `dd baseline`; repeat.",
        ),
        click.Option(["--scale"], required=True, help="What the figure says it was measured at."),
    ),
    table_option=click.Option(
        ["--table", "table_path"], type=FILE, required=True, help="CSV of the numbers, to write."
    ),
    draw=draw,
    baselines=("random", "optimized", "k_means", "average"),
    comparison=ComparisonSource(
        csv_kind="poisoning",
        task_column="dataset",
        tasks={"fig6": tuple(ATTACKS)},
        numbers=tuple(_paper_numbers()),
        claims=tuple(
            PaperClaim(Place("fig6", dataset), text) for dataset in ATTACKS for text in attack_claims(dataset)
        ),
        measure=_measured_numbers,
        judge=_judged,
    ),
)
