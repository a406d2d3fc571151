"""Measured numbers against the paper: whether a number is the same, and whether a claim holds."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from dd.report.records import PaperClaim, PaperNumber, Place

TOLERANCE = 2.0
"""A number that differs from the paper's by at most so many percentage points always counts as the same."""
STANDARD_ERRORS = 2.0
"""So does one that differs by at most so many standard errors of the difference."""
VERDICTS = ("the same", "better", "worse", "higher", "lower")
"""What can be said of a number: `better` and `worse` of the paper's method, `higher` and `lower` of its rivals."""


class MeasuredNumber(NamedTuple):
    """A measured number that may be compared with one that the paper reports."""

    place: Place
    row: str
    mean: float
    std: float
    error: float
    """The standard error of the mean: by the spread of nets and, where there are several sets, of the sets' means."""
    nets: float
    sets: int
    papers_setting: bool
    """Whether network, steps, images and so on are the paper's. If not, the number is not compared."""
    sets_std: float = math.nan
    """The standard deviation of the sets' means; NaN for one set. A set of ours is a seed."""


def standard_error(std: float | None, count: float) -> float:
    """The standard error of a mean of `count` values; 0 without a standard deviation.

    A standard deviation is the spread of nets, or of the means of sets. How far the mean may be off falls with the root
    of their number.
    """
    return 0.0 if std is None or math.isnan(std) else std / math.sqrt(count)


def number_verdict(paper: PaperNumber, measured: MeasuredNumber) -> str:
    """One of `VERDICTS`.

    The numbers are the same if they differ by at most `TOLERANCE`, or by at most `STANDARD_ERRORS` standard errors of
    the difference of the two means.
    """
    difference = measured.mean - paper.reported.mean
    error = math.hypot(standard_error(paper.reported.std, paper.values), measured.error)
    near = abs(round(difference, 1)) <= TOLERANCE  # the paper prints tenths
    if near or abs(difference) <= STANDARD_ERRORS * error:
        return "the same"
    above, below = ("better", "worse") if paper.ours else ("higher", "lower")
    if paper.lower_is_better:
        above, below = below, above
    return above if difference > 0 else below


CHANCE = "two standard errors are"
"""What stands with a claim whose verdict chance may explain."""


def perhaps_chance(margin: float, *errors: float) -> str:
    """Words to follow a claim that holds or fails by so small a `margin` that standard `errors` may explain it."""
    limit = STANDARD_ERRORS * math.hypot(*errors)
    return f"; {CHANCE} {limit:.1f}" if abs(margin) <= limit else ""


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
