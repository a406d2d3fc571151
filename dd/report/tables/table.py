"""The declaration of a table of the paper. A new table needs only a file in this package with a `TABLE`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.report.records import PAPER_NETS, Reported
from dd.runtime.errors import UserError


class OwnRow(NamedTuple):
    """A row of distilled images."""

    init: str
    """The initialisation of the nets that are trained on the set."""
    label: str
    made_for: str = ""
    """The initialisation that the set was made for, where it is another one."""


OTHER_INITS = "other inits"
"""The row of newly initialised nets that are trained on a set made for one other net."""
OWN_ROWS = {
    "fixed": OwnRow("fixed", "Ours, fixed init"),
    "random init": OwnRow("random", "Ours, random init"),
    OTHER_INITS: OwnRow("random", "Ours, fixed init, on other inits", made_for="fixed"),
    "fixed_pretrained": OwnRow("fixed_pretrained", "Ours, fixed pre-trained"),
    "random_pretrained": OwnRow("random_pretrained", "Ours, random pre-trained"),
}
"""Rows of distilled images in any table, in order. (The row `random` is a baseline: random real images.)"""
UNADAPTED = "none"
"""The row of pre-trained nets that were not adapted at all."""


def row_label(row: str) -> str:
    """The name of a row that readers see."""
    if row in OWN_ROWS:
        return OWN_ROWS[row].label
    if row in BASELINES:
        return BASELINES[row].label
    if row in ADAPTATIONS:
        return ADAPTATIONS[row].label
    return "No adaptation" if row == UNADAPTED else row


@dataclass(frozen=True)
class Task:
    """A dataset, or pair of datasets, of a table: the paper's setting and numbers."""

    net: str
    steps: int
    images: int
    """The number of distilled images, over all steps."""
    reported: Mapping[str, Reported]
    """The paper's numbers, by row."""


def reported(rows: tuple[str, ...], *numbers: tuple[float, ...]) -> dict[str, Reported]:
    """The paper's numbers of a task, `(mean,)` or `(mean, std)` in percent, one for each of `rows` and in that order.

    Raises:
        UserError: there are more or fewer numbers than rows.
    """
    if len(rows) != len(numbers):
        raise UserError(
            f"dd/report/tables: {len(numbers)} numbers of the paper for the {len(rows)} rows {', '.join(rows)}; name a "
            "row of which the paper has no number in the `rows` of its TABLE only"
        )
    return {row: Reported(*number) for row, number in zip(rows, numbers, strict=True)}


@dataclass(frozen=True)
class MoreAccurate:
    """The claim that one row of a table is more accurate than others."""

    text: str
    ours: str
    others: tuple[str, ...]
    slack: float = 0.0
    """Ours may be less accurate by fewer than so many percentage points, and the claim still holds."""
    in_words: bool = False
    """Whether the paper says it in words, without numbers of the others."""

    def beaten(self, accuracy: Mapping[str, float]) -> set[str]:
        """The other rows that ours beats by `accuracy` (percent, by row), where rows without accuracy are left out."""
        reached = accuracy[self.ours] + self.slack
        return {other for other in self.others if other in accuracy and reached > accuracy[other]}


@dataclass(frozen=True)
class Table:
    """A table of the paper."""

    name: str
    order: int
    """Its place among the tables."""
    title: str
    module: str
    """The module that declares it. The table is made anew when that changes."""
    rows: tuple[str, ...]
    """The methods in order: names in `OWN_ROWS`, of baselines, of ways of adapting, and `none`."""
    rivals_init: str
    """Baselines and other ways of adapting are measured beside the sets of this initialisation."""
    tasks: Mapping[str, Task]
    """The tasks, by dataset or `source → target`."""
    claims: tuple[MoreAccurate, ...]
    """Each is about the rows that ours beats in the paper's own numbers; on data that the paper lacks, and where the
    paper has words alone, about all."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """By row, where in the paper its numbers stand if not in this table."""
    runs: int = PAPER_NETS
    """How many values the paper's means and standard deviations are of."""
    by_direction: bool = False
    """Whether nets were trained on another dataset before, so that a task is `source → target`."""

    @property
    def on_other_inits(self) -> tuple[str, ...]:
        """The initialisations whose sets are also measured on newly initialised nets."""
        own = (OWN_ROWS[row] for row in self.rows if row in OWN_ROWS)
        return tuple(row.made_for for row in own if row.made_for)

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines it compares with."""
        return tuple(row for row in self.rows if row in BASELINES)

    @property
    def adaptations(self) -> tuple[str, ...]:
        """The other ways of adapting that it compares with."""
        return tuple(row for row in self.rows if row in ADAPTATIONS)
