"""What the comparison with the paper needs to know of the tables, or of one kind of figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dd.report.records import PaperClaim, PaperNumber
from dd.report.verdicts import JudgedClaim, MeasuredNumber

if TYPE_CHECKING:
    import pandas as pd


def _no_verdicts(_tables: Mapping[str, pd.DataFrame]) -> Iterable[JudgedClaim]:
    return ()


def _no_numbers(_name: str, _rows: pd.DataFrame) -> Iterable[MeasuredNumber]:
    return ()


@dataclass(frozen=True)
class ComparisonSource:
    """The paper's numbers and claims of one kind, and how a measured CSV answers them."""

    module: str
    """The module that declares this. The comparison runs again when it, or a module that it imports, changes."""
    csv_kind: str
    """What the column `kind` of the measured CSV says."""
    judge: Callable[[Mapping[str, pd.DataFrame]], Iterable[JudgedClaim]] = _no_verdicts
    """Takes the measurements of this kind and of `judged_beside`, by the name of the table or figure, and returns
    verdicts on claims."""
    judged_beside: tuple[str, ...] = ()
    """The other kinds whose measurements `judge` needs."""
    claims: tuple[PaperClaim, ...] = ()
    """All claims of the paper of this kind."""
    task_column: str = ""
    """The column that says on which data a row was measured; empty if no dataset is involved."""
    tasks: Mapping[str, tuple[str, ...]] | None = None
    """The data that the paper measures on, by table or figure; None if no dataset is involved."""
    numbers: tuple[PaperNumber, ...] = ()
    """All numbers that the paper reports of this kind."""
    measure: Callable[[str, pd.DataFrame], Iterable[MeasuredNumber]] = _no_numbers
    """Takes the name and the rows of one table or figure; returns the numbers that may stand beside the paper's."""
