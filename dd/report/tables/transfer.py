"""How distilled sets do on networks they were not made for, and by the field's protocol."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from dd.report.html_page import listed, page, wide
from dd.report.provenance import noted
from dd.report.tables.paper_table import METRICS, read_table
from dd.runtime.errors import UserError

TITLE = "Distilled sets on other networks"
NOTE = (
    "Accuracy on test images, mean ± standard deviation over held-out nets, newly initialised; of a "
    "set's own kind, those it is made for. native: the set's own order and learned rates. dc-bench: 300 epochs of SGD "
    "in random minibatches of 256, rate 0.01, a tenth of it in the second half, momentum 0.9, weight decay 0.0005."
)


def transfers(paths: Sequence[Path]) -> pd.DataFrame:
    """A row a set (named as its file; and where it is beyond the paper), network and protocol: accuracy in percent
    after training, std, nets.

    Raises:
        UserError: a file that `dd evaluate --protocol` has not written, or two of one name.
    """
    names = [path.stem for path in paths]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(f"--metrics: two files are named {min(twice)}, as which the table has them; rename one")
    tables = [read_table(path, METRICS | {"protocol"}, "evaluate --protocol").assign(set=path.stem) for path in paths]
    after = noted(pd.concat(tables)).query("stage == 'after'")
    rows = after.groupby(["set", "beyond", "net", "protocol"], sort=False)["accuracy"]
    return rows.agg(accuracy="mean", std=lambda values: values.std(ddof=0), nets="size").reset_index()


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    cells = [
        f"{mean:.1f} ± {std:.1f}" if n > 1 else f"{mean:.1f}"
        for mean, std, n in table[["accuracy", "std", "nets"]].values
    ]
    named = table["set"] + table["beyond"].map(lambda beyond: f" ({beyond})" if beyond else "")
    table = table.assign(cell=cells, set=named)
    wide = table.pivot(index=["set", "net"], columns="protocol", values="cell")
    order = table[["set", "net"]].drop_duplicates().apply(tuple, axis=1)
    wide = wide.loc[order, table["protocol"].unique()].fillna("—").add_suffix(", %")
    return wide.rename_axis(columns=None).reset_index()


def _html(table: pd.DataFrame) -> str:
    return page(TITLE, wide(_readable(table).to_html(index=False, border=0)) + listed([NOTE]))


WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {
    ".csv": lambda table: table.round(4).to_csv(index=False),
    ".md": lambda table: f"{_readable(table).to_markdown(index=False)}\n\n{NOTE}\n",
    ".html": _html,
}
"""The text of a table by the ending of its file."""
