"""How numbers and tables are written out."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

INTERVAL_NOTE = "In brackets, where it is wider than ±: the 95 % interval by the draw of the test images."
QUANTILE = NormalDist().inv_cdf(0.975)
"""Of a 95 % interval. (scipy.stats has the interval too, and takes longer to import than most commands to run.)"""
MISSING = "—"
"""What is written in place of a number that is missing."""
LATEX_MACROS = {"±": r"$\pm$", MISSING: "--", "→": r"$\to$", "≥": r"$\geq$"}


def mean_std(mean: float, std: float | None = None, digits: int = 1) -> str:
    """`87.1 ± 3.9`: the mean alone where there is no standard deviation, and a dash where there is no mean."""
    if math.isnan(mean):
        return MISSING
    text = f"{mean:.{digits}f}"
    if std is None or math.isnan(std):
        return text
    return f"{text} ± {std:.{digits}f}"


def accuracy_interval(accuracy: float, images: int) -> tuple[float, float]:
    """The 95 % interval, in percent, of an accuracy in percent on `images` test images: Wilson's, of a binomial share.

    The true accuracy may lie there by the draw of the test images alone, however many nets are tested on them.
    """
    share = round(accuracy / 100 * images) / images
    middle = share + QUANTILE**2 / (2 * images)
    half = QUANTILE * math.sqrt(share * (1 - share) / images + (QUANTILE / (2 * images)) ** 2)
    low, high = ((middle + side) / (1 + QUANTILE**2 / images) for side in (-half, half))
    return 100 * max(low, 0.0), 100 * min(high, 1.0)


def wider_interval(mean: float, std: float | None, images: int) -> tuple[float, float] | None:
    """The `accuracy_interval`, or None where mean ± std is as wide."""
    low, high = accuracy_interval(mean, images)
    spread = 0.0 if std is None or math.isnan(std) else std
    return (low, high) if high - low > 2 * spread else None


def accuracy_text(mean: float, std: float | None, images: int, digits: int = 1) -> str:
    """`50.0 ± 7.2 [33.6, 66.4]`: mean, standard deviation over nets and, where there is one, the `wider_interval`."""
    text = mean_std(mean, std, digits)
    interval = wider_interval(mean, std, images)
    return f"{text} [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]" if interval else text


def with_interval(table: pd.DataFrame, images: str = "test_images") -> pd.DataFrame:
    """The table with the columns `interval_low` and `interval_high`: the `accuracy_interval` of each row."""
    pairs = [accuracy_interval(*pair) for pair in zip(table["accuracy"], table[images], strict=True)]
    low, high = zip(*pairs, strict=True)
    return table.assign(interval_low=low, interval_high=high).round({"interval_low": 4, "interval_high": 4})


def latex_table(table: pd.DataFrame) -> str:
    """A tabular in LaTeX, without row numbers."""
    text = table.to_latex(index=False, escape=True)
    for sign, macro in LATEX_MACROS.items():
        text = text.replace(sign, macro)
    return text
