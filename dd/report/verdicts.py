"""What the paper says in words of Tables 1 to 3 and Section 3.3, and whether numbers bear it out."""

from typing import NamedTuple

import pandas as pd

from dd.report.paper_numbers import BASELINES, METHODS, TABLES

ROUNDING = 1e-6
"""Gaps to a global minimum below this share are none."""


class Said(NamedTuple):
    """A claim and the verdict of measured numbers on it."""

    text: str
    holds: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.text}: {'yes' if self.holds else 'NO'} ({self.detail})."


def merged(several: list[Said]) -> list[Said]:
    """Each claim once: where it is made of several lines or panels, it holds if it does of all."""
    by_text: dict[str, list[Said]] = {}
    for said in several:
        by_text.setdefault(said.text, []).append(said)
    return [
        Said(text, all(one.holds for one in same), "; ".join(one.detail for one in same))
        for text, same in by_text.items()
    ]


class Beats(NamedTuple):
    """The claim that one method of a table is more accurate than others."""

    text: str
    ours: str
    others: tuple[str, ...]
    slack: float = 0.0
    """Percentage points by which it may be behind and still count as on a par."""

    def beaten(self, accuracy: dict[str, float]) -> set[str]:
        """Those of the others in `accuracy` (percent by method) that ours is above."""
        return {o for o in self.others if o in accuracy and accuracy[self.ours] + self.slack > accuracy[o]}


_NEIGHBOURS = (*BASELINES, "knn_random", "knn_k_means")
BEATS = {
    "table1": (
        Beats("Ours, fixed init, beats the baselines", "fixed", _NEIGHBOURS),
        Beats("Ours, random init, beats the baselines", "random init", _NEIGHBOURS),
    ),
    "table2": (
        Beats("Ours, fixed pre-trained, beats real images", "fixed_pretrained", BASELINES),
        Beats("Ours, random pre-trained, beats real images", "random_pretrained", BASELINES),
        Beats("Ours, fixed pre-trained, beats few-shot adaptation", "fixed_pretrained", ("fada",)),
        Beats("Ours, random pre-trained, beats few-shot adaptation", "random_pretrained", ("fada",)),
    ),
    "table3": (
        Beats("Ours beats real images", "fixed_pretrained", BASELINES),
        Beats("Ours is on a par (5 points) with the full dataset", "fixed_pretrained", ("full",), slack=5),
    ),
}
"""By table. On a task of the paper, the others meant are those that ours beats there."""


def meant(name: str, task: str, claim: Beats) -> set[str]:
    """The methods that `claim` means on `task` of table `name`: of a task of the paper, those that ours beats there."""
    reported = TABLES[name].get(task)
    if reported is None:
        return set(claim.others)
    return claim.beaten({method: number.mean for method, number in reported.reported.items()})


def table_claim(name: str, task: str, claim: Beats, accuracy: dict[str, float]) -> Said | None:
    """Whether measured `accuracy` (percent by method) supports it; None where it lacks ours or all of the others."""
    compared = meant(name, task, claim) & set(accuracy)
    if claim.ours not in accuracy or not compared:
        return None
    strongest = max(compared, key=lambda method: accuracy[method])
    ahead = accuracy[claim.ours] - accuracy[strongest]
    beaten = claim.beaten(accuracy)
    known = [o for o in claim.others if o in accuracy]
    detail = f"{ahead:+.1f} points to {METHODS[strongest]}"
    if len(known) > 1:
        paper = f" (paper: {len(meant(name, task, claim))})" if task in TABLES[name] else ""
        detail = f"above {len(beaten)} of {len(known)}{paper}; {detail}"
    return Said(claim.text, compared <= beaten, detail)


LINEAR = "One GD step reaches the optimum from any weights if, and only if, M ≥ D"


def linear_claim(table: pd.DataFrame) -> Said:
    """Section 3.3 for the measurements of `dd linear-case`."""
    enough = table["M"] >= table["D"]
    left = table[enough & (table["method"] == "closed form")]["gap_max"].max()
    least = table[~enough & (table["method"] == "lower bound")]["gap"].min()
    return Said(LINEAR, left < ROUNDING < least, f"gap {left:.0e} from M = D on, at least {least:.1g} below")
