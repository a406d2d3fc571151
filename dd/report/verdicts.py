"""Measured numbers against the paper: whether a number is reproduced, and whether a claim holds."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from dd.report.records import PaperClaim, Place

TOLERANCE = 2.0
"""A number that differs from the paper's by at most so many percentage points always counts as reproduced."""


class MeasuredNumber(NamedTuple):
    """A measured number that may be compared with one that the paper reports."""

    place: Place
    row: str
    mean: float
    std: float
    nets: float
    sets: int
    papers_setting: bool
    """Whether network, steps, images and so on are the paper's. If not, the number is not compared."""


def number_verdict(difference: float, *stds: float | None) -> str:
    """`reproduced`, `better` or `worse` for a number that is `difference` percentage points above the paper's.

    Reproduced means that the difference is at most `TOLERANCE`, or at most one of the standard deviations.
    """
    known = [std for std in stds if std is not None and not math.isnan(std)]
    if abs(round(difference, 1)) <= max([TOLERANCE, *known]):  # the paper's numbers are known to a tenth
        return "reproduced"
    return "better" if difference > 0 else "worse"


class ClaimVerdict(NamedTuple):
    """Whether measured numbers support a claim, and by how much."""

    text: str
    holds: bool
    detail: str

    def __str__(self) -> str:
        return f"{self.text}: {'yes' if self.holds else 'NO'} ({self.detail})."


class JudgedClaim(NamedTuple):
    """A claim of the paper, or the same claim on other data, with the verdict on it."""

    place: Place
    verdict: ClaimVerdict

    @property
    def claim(self) -> PaperClaim:
        """What is claimed, without the verdict."""
        return PaperClaim(self.place, self.verdict.text)


def merged(verdicts: Iterable[ClaimVerdict]) -> list[ClaimVerdict]:
    """One verdict for each claim. A claim about several lines or panels holds if it holds for all of them."""
    by_text: dict[str, list[ClaimVerdict]] = {}
    for verdict in verdicts:
        by_text.setdefault(verdict.text, []).append(verdict)
    return [
        ClaimVerdict(text, all(one.holds for one in same), "; ".join(one.detail for one in same))
        for text, same in by_text.items()
    ]
