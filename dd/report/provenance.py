"""Where numbers come from: departures from the paper's method, and how near the data are to the official ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dd.report.wording import display_name

if TYPE_CHECKING:
    import pandas as pd

DEPARTURES = "beyond"
"""The column that names what is not the paper's method in a measured set; empty where nothing is."""
FIDELITY = "fidelity"
"""The column that says how near the data are to the official ones."""


def with_provenance(table: pd.DataFrame) -> pd.DataFrame:
    """Measurements with both columns as text: empty where a CSV has nothing there, or lacks the column as old ones."""
    columns = {}
    for name in (DEPARTURES, FIDELITY):
        columns[name] = table[name].astype(object).fillna("") if name in table else ""
    return table.assign(**columns)


def data_lines(*measured: pd.DataFrame) -> list[str]:
    """What is known of each dataset that was measured on: `MNIST: equal to the official bytes`."""
    import pandas as pd

    rows = pd.concat([with_provenance(table)[["dataset", FIDELITY]] for table in measured]).drop_duplicates()
    return [f"{display_name(row['dataset'])}: {row[FIDELITY]}" for _, row in rows.iterrows() if row[FIDELITY]]
