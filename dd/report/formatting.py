"""How numbers and tables are written out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

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


def latex_table(table: pd.DataFrame) -> str:
    """A tabular in LaTeX, without row numbers."""
    text = table.to_latex(index=False, escape=True)
    for sign, macro in LATEX_MACROS.items():
        text = text.replace(sign, macro)
    return text
