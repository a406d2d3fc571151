"""What a table of the paper says of itself; a file of this package with a `TABLE` is all that a new one needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.report.reported import Reported
from dd.runtime.errors import UserError


class OwnRow(NamedTuple):
    """A row of distilled images."""

    init: str
    """The initialisation that the set is made for."""
    label: str


OWN_ROWS = {
    "fixed": OwnRow("fixed", "Ours, fixed init"),
    "random init": OwnRow("random", "Ours, random init"),
    "fixed_pretrained": OwnRow("fixed_pretrained", "Ours, fixed pre-trained"),
    "random_pretrained": OwnRow("random_pretrained", "Ours, random pre-trained"),
}
"""Rows of distilled images in any table, in order. `random` alone is the baseline of random real images."""
UNADAPTED = "none"
"""The row of the nets that others begin with."""


def row_label(row: str) -> str:
    """The name that a row of a table is shown by."""
    if row in OWN_ROWS:
        return OWN_ROWS[row].label
    if row in BASELINES:
        return BASELINES[row].label
    if row in ADAPTATIONS:
        return ADAPTATIONS[row].label
    return "No adaptation" if row == UNADAPTED else row


@dataclass(frozen=True)
class Task:
    """The rows of a table that belong together, and the setting in which the paper has measured them."""

    net: str
    steps: int
    images: int
    """Distilled ones, in all."""
    reported: Mapping[str, Reported]
    """By row."""


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
    """Percentage points by which it may be behind and still count as on a par."""

    def beaten(self, accuracy: Mapping[str, float]) -> set[str]:
        """Those of the others in `accuracy` (percent by row) that ours is above."""
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
    """Of the file that declares it, whose change makes it anew."""
    rows: tuple[str, ...]
    """Methods, in order: of `OWN_ROWS`, baselines, ways of adapting, and `none`."""
    rivals_init: str
    """The initialisation of the sets that baselines and other ways of adapting are measured for."""
    tasks: Mapping[str, Task]
    """By dataset, or `source → target`."""
    claims: tuple[MoreAccurate, ...]
    """Each is meant of those others that ours beats by the paper's own numbers; on other data, of all."""
    by_direction: bool = False
    """Whether nets learned another dataset before, so that a task is `source → target`."""

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines it compares with."""
        return tuple(row for row in self.rows if row in BASELINES)

    @property
    def adaptations(self) -> tuple[str, ...]:
        """The other ways of adapting that it compares with."""
        return tuple(row for row in self.rows if row in ADAPTATIONS)
