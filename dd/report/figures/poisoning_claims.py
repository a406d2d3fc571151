"""What the paper reports and says of poisoned nets, and whether measured numbers support it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from dd.report.comparison_source import ComparisonSource
from dd.report.records import PaperClaim, PaperNumber, Place, Reported
from dd.report.seeds import error_of
from dd.report.verdicts import ClaimVerdict, JudgedClaim, MeasuredNumber, perhaps_chance

if TYPE_CHECKING:
    import pandas as pd


class Attack(NamedTuple):
    """What the paper, or the authors' project page, reports about poisoned nets."""

    net: str
    misled: Reported
    """Figure 6b, ours: percent of the attacked class taken for the target class."""
    before: Reported
    """Accuracy of the nets before they are poisoned, by the true labels."""


ATTACKS = {
    "mnist": Attack("LeNet", misled=Reported(71.4, 29.6), before=Reported(98.6, 0.5)),
    "cifar10": Attack("AlexCifarNet", misled=Reported(45.9, 18.1), before=Reported(78.2, 1.1)),
}
"""The attacks of the paper, by dataset."""
ATTACK_SETTING = {
    "init": "random_pretrained",
    "steps": 1,
    "epochs": 1,
    "attack_class": 0,
    "target_class": 1,
    "distilled_images": 100,
}
"""The setting that all attacks of the paper share."""
OURS = "ours"
"""The name of our method in the numbers and bars."""
PROJECT_PAGE = "known from the authors' project page alone"
"""Figure 6 is a bar chart without numbers."""
ABOVE_BASELINES = "Ours above the best baseline by the attacker's labels"
AS_OFTEN_AS_SOME = "Ours misleads about as often as the best baseline: at most 5 points less"
MORE_OFTEN_THAN_ALL = "Ours misleads more often than every baseline"
OTHERS_STAY = "The other classes stay within 5 points"
TOLERATED = 5
"""The points of `AS_OFTEN_AS_SOME` and `OTHERS_STAY`."""
MISLEADS_MOST = ("cifar10",)
"""The datasets on which, as the paper says, ours misleads more often than all baselines."""


def paper_setting(dataset: str) -> dict[str, object]:
    """The setting of Figure 6 by column; empty for a dataset that the paper does not attack."""
    return {"net": ATTACKS[dataset].net, **ATTACK_SETTING} if dataset in ATTACKS else {}


def attack_claims(dataset: str) -> tuple[str, str, str]:
    """The paper's claims about the attack on a dataset. Other datasets get the claims about MNIST."""
    misleads = MORE_OFTEN_THAN_ALL if dataset in MISLEADS_MOST else AS_OFTEN_AS_SOME
    return ABOVE_BASELINES, misleads, OTHERS_STAY


def judge_attack(rows: pd.DataFrame) -> list[ClaimVerdict]:
    """Verdicts on the `attack_claims`, in their order, by the measured numbers of one dataset.

    The paper says "similarly with some baselines", which are the best of them. Without baselines there are no verdicts.
    """
    dataset = rows["dataset"].iloc[0]
    mean = rows.pivot_table(index="method", columns="measure", values="mean")
    if len(mean) == 1:
        return []
    ours, baselines = mean.loc[OURS], mean.drop(OURS)
    errors = {(row["method"], row["measure"]): error_of(row) for _, row in rows.iterrows()}
    above, misleads, stay = attack_claims(dataset)

    best = baselines["accuracy"].idxmax()
    ahead = ours["accuracy"] - baselines["accuracy"].max()
    chance = perhaps_chance(ahead, errors[OURS, "accuracy"], errors[best, "accuracy"])
    accurate = ClaimVerdict(above, ahead > 0, f"{ahead:+.1f} points{chance}")

    strongest = baselines["misled"].idxmax()
    least, most = baselines["misled"].min(), baselines["misled"].max()
    further = ours["misled"] - (most if dataset in MISLEADS_MOST else most - TOLERATED)
    chance = perhaps_chance(further, errors[OURS, "misled"], errors[strongest, "misled"])
    told = f"{ours['misled']:.1f} against {least:.1f} to {most:.1f} %{chance}"
    misleading = ClaimVerdict(misleads, further > 0, told)

    others = rows[(rows["method"] == OURS) & (rows["measure"] == "others")].iloc[0]
    kept = others["mean"] - others["before"] + TOLERATED
    chance = perhaps_chance(kept, errors[OURS, "others"], error_of(others, "before_"))
    kept_right = ClaimVerdict(stay, kept > 0, f"{others['before']:.1f} → {others['mean']:.1f} %{chance}")
    return [accurate, misleading, kept_right]


def _paper_numbers() -> Iterator[PaperNumber]:
    for dataset, attack in ATTACKS.items():
        place, label = Place("fig6", dataset), "Attacked class taken for the target"
        yield PaperNumber(place, "misled", label, attack.misled, remark=PROJECT_PAGE)
    for dataset, attack in ATTACKS.items():
        place, label = Place("fig6", dataset), "Nets before, by the true labels"
        yield PaperNumber(place, "nets", label, attack.before, remark=PROJECT_PAGE, ours=False)


def _measured_numbers(name: str, rows: pd.DataFrame) -> Iterator[MeasuredNumber]:
    if name != "fig6":
        return
    for _, row in rows[rows["method"] == OURS].iterrows():
        place = Place(name, row["dataset"])
        same = all(row[key] == value for key, value in paper_setting(row["dataset"]).items())
        if row["measure"] == "misled":
            known = row["mean"], row["std"], error_of(row), row["nets"], row["sets"]
            yield MeasuredNumber(place, "misled", *known, same, row.get("sets_std", math.nan))
        if row["measure"] == "clean":  # before, the nets of a pool are the same for every set
            known = row["before"], row["before_std"], error_of(row, "before_"), row["nets"], 1
            yield MeasuredNumber(place, "nets", *known, same)


def _judged(tables: Mapping[str, pd.DataFrame]) -> Iterator[JudgedClaim]:
    for name, rows in tables.items():
        for dataset, of_dataset in rows.groupby("dataset", sort=False):
            for verdict in judge_attack(of_dataset):
                yield JudgedClaim(Place(name, str(dataset)), verdict)


COMPARISON = ComparisonSource(
    module=__name__,
    csv_kind="poisoning",
    task_column="dataset",
    tasks={"fig6": tuple(ATTACKS)},
    numbers=tuple(_paper_numbers()),
    claims=tuple(PaperClaim(Place("fig6", dataset), text) for dataset in ATTACKS for text in attack_claims(dataset)),
    measure=_measured_numbers,
    judge=_judged,
)
