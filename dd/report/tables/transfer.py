"""How distilled sets do on networks they were not made for, and by the field's protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dd.report.formatting import MISSING, mean_std
from dd.report.html_page import listed, page, wide
from dd.report.measurements import EVALUATION_COLUMNS, read_table, with_kind
from dd.report.provenance import with_provenance
from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

TRANSFER_TITLE = "Distilled sets on other networks"
TRANSFER_NOTE = (
    "Accuracy on test images, mean ± standard deviation over held-out nets, newly initialised; of a "
    "set's own kind, those it is made for. native: the set's own order and learned rates. dc-bench: 300 epochs of SGD "
    "in random minibatches of 256, rate 0.01, a tenth of it in the second half, momentum 0.9, weight decay 0.0005."
)


def transfer_table(paths: Sequence[Path]) -> pd.DataFrame:
    """Accuracy in percent after training, with std and nets: a row a set, network and protocol.

    A set is named as its file, with what departs from the paper's method in it.

    Raises:
        UserError: a file that `dd evaluate --protocol` has not written, or two of one name.
    """
    import pandas as pd

    names = [path.stem for path in paths]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UserError(f"--metrics: two files are named {min(twice)}, as which the table has them; rename one")
    columns = EVALUATION_COLUMNS | {"protocol"}
    tables = []
    for path in paths:
        table = read_table(path, columns, "evaluate --protocol", kind="evaluation")
        tables.append(table.assign(set=path.stem))
    after = with_provenance(pd.concat(tables)).query("stage == 'after'")
    rows = after.groupby(["set", "beyond", "net", "protocol"], sort=False)["accuracy"]
    summary = rows.agg(accuracy="mean", std=lambda values: values.std(ddof=0), nets="size")
    return with_kind("transfer", summary.reset_index())


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """A row a set and network, a column a protocol."""
    spread = table["std"].where(table["nets"] > 1)
    departures = table["beyond"].map(lambda text: f" ({text})" if text else "")
    table = table.assign(cell=list(map(mean_std, table["accuracy"], spread)), set=table["set"] + departures)
    shown = table.pivot(index=["set", "net"], columns="protocol", values="cell")
    order = table[["set", "net"]].drop_duplicates().apply(tuple, axis=1)
    shown = shown.loc[order, table["protocol"].unique()].fillna(MISSING).add_suffix(", %")
    return shown.rename_axis(columns=None).reset_index()


def _csv(table: pd.DataFrame) -> str:
    return table.round(4).to_csv(index=False)


def _markdown(table: pd.DataFrame) -> str:
    return f"{_shown(table).to_markdown(index=False)}\n\n{TRANSFER_NOTE}\n"


def _html(table: pd.DataFrame) -> str:
    return page(TRANSFER_TITLE, wide(_shown(table).to_html(index=False, border=0)) + listed([TRANSFER_NOTE]))


TRANSFER_WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {".csv": _csv, ".md": _markdown, ".html": _html}
"""The text of the table by the ending of its file."""
