"""What the comparison with the paper needs to know of the tables, or of one kind of figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dd.report.reported import PaperClaim, PaperNumber
from dd.report.verdicts import JudgedClaim, MeasuredNumber

if TYPE_CHECKING:
    import pandas as pd


def _no_numbers(_name: str, _rows: pd.DataFrame) -> Iterable[MeasuredNumber]:
    return ()


@dataclass(frozen=True)
class ComparisonSource:
    """The paper's numbers and claims of one kind, and how a measured CSV answers them."""

    csv_kind: str
    """What the column `kind` of the measured CSV says."""
    judge: Callable[[Mapping[str, pd.DataFrame]], Iterable[JudgedClaim]]
    """Verdicts of the measurements of this kind, which it gets by table or figure."""
    claims: tuple[PaperClaim, ...]
    """All that the paper claims."""
    task_column: str = ""
    """The column that says what a row was measured on; none where there are no data."""
    tasks: Mapping[str, tuple[str, ...]] | None = None
    """By table or figure, what the paper measures it on; None where there are no data."""
    numbers: tuple[PaperNumber, ...] = ()
    """All that the paper reports."""
    measure: Callable[[str, pd.DataFrame], Iterable[MeasuredNumber]] = _no_numbers
    """The measured ones among the rows of one table or figure, which it gets by name."""
