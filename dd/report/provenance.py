"""What must be said beside numbers: where a way is not the paper's, and how near data are to the official ones."""

import re
import textwrap

import pandas as pd

COLUMNS = ("beyond", "fidelity")


def shown(datasets: str) -> str:
    """`mnist → usps` as the paper writes it; a user's own names as they are."""
    return re.sub(r"\b(mnist|usps|svhn|cifar10|voc2007|cub200)\b", lambda name: name[0].upper(), datasets)


def noted(table: pd.DataFrame) -> pd.DataFrame:
    """Measurements with `beyond` and `fidelity` as text, empty where there is none, as in those of older versions."""
    return table.assign(**{name: table[name].astype(object).fillna("") if name in table else "" for name in COLUMNS})


def of_data(*measured: pd.DataFrame) -> list[str]:
    """What is known of each dataset that was measured on: `MNIST: equal to the official bytes`."""
    rows = pd.concat([noted(table)[["dataset", "fidelity"]] for table in measured]).drop_duplicates()
    return [f"{shown(row.dataset)}: {row.fidelity}" for row in rows.itertuples() if row.fidelity]


def small_print(lines: list[str], inches: float, points: int = 7) -> str:
    """Lines broken where they would be wider than so many inches, in letters of that size."""
    return "\n".join(part for line in lines for part in textwrap.wrap(line, int(140 * inches / points)))
