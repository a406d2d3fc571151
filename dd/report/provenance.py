"""Where numbers come from: how sets depart from the paper's method, and how near the data are to the official ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.report.wording import display_name

if TYPE_CHECKING:
    import pandas as pd

DEPARTURES = "beyond"
"""The column that says how a measured set departs from the paper's method; empty if it does not."""
FIDELITY = "fidelity"
"""The column that says how near the data are to the official ones."""


def with_provenance(table: pd.DataFrame) -> pd.DataFrame:
    """The measurements with both columns as text, which is empty where the CSV has no value or lacks the column."""
    columns = {}
    for name in (DEPARTURES, FIDELITY):
        columns[name] = table[name].astype(object).fillna("") if name in table else ""
    return table.assign(**columns)


def data_lines(*measured: pd.DataFrame) -> list[str]:
    """What is known of each dataset that was measured on: `MNIST: equal to the official bytes`."""
    import pandas as pd

    rows = pd.concat([with_provenance(table)[["dataset", FIDELITY]] for table in measured]).drop_duplicates()
    return [f"{display_name(row['dataset'])}: {row[FIDELITY]}" for _, row in rows.iterrows() if row[FIDELITY]]
