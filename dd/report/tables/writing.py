"""A table of the paper as CSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dd.report.formatting import MISSING, accuracy_text, latex_table, mean_std, with_interval
from dd.report.html_page import listed, page, wide
from dd.report.tables.table import Table
from dd.report.tables.table_rows import notes
from dd.report.wording import display_name

if TYPE_CHECKING:
    import pandas as pd


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns that readers see, as text."""
    import pandas as pd

    return pd.DataFrame(
        {
            "task": rows["task"].map(display_name),
            "method": rows["label"],
            "here, %": list(map(accuracy_text, rows["accuracy"], rows["std"], rows["test_images"])),
            "paper, %": list(map(mean_std, rows["paper"], rows["paper_std"])),
            "nets": [MISSING if pd.isna(nets) else f"{nets:.0f}" for nets in rows["nets"]],
            "sets": rows["sets"],
            "combination": rows["combination"],
        }
    )


def _csv(_table: Table, rows: pd.DataFrame) -> str:
    return with_interval(rows).to_csv(index=False)


def _markdown(table: Table, rows: pd.DataFrame) -> str:
    listing = "".join(f"- {line}\n" for line in notes(table, rows))
    return f"{_shown(rows).to_markdown(index=False)}\n\n{listing}"


def _latex(table: Table, rows: pd.DataFrame) -> str:
    return latex_table(_shown(rows)) + "".join(f"% {line}\n" for line in notes(table, rows))


def _html(table: Table, rows: pd.DataFrame) -> str:
    body = wide(_shown(rows).to_html(index=False, border=0))
    return page(table.title, body + listed(notes(table, rows)))


TABLE_WRITERS: dict[str, Callable[[Table, pd.DataFrame], str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".tex": _latex,
    ".html": _html,
}
"""The text of a table, given its declaration and rows, by the ending of its file."""
