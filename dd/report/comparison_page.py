"""The comparison with the paper as CSV, Markdown, LaTeX and HTML."""

import math
from collections import Counter
from collections.abc import Callable
from html import escape

import pandas as pd

from dd.report.comparison import POINTS
from dd.report.html_page import listed, page, wide
from dd.report.paper_numbers import place
from dd.report.provenance import shown
from dd.report.tables.paper_table import cell, tex

TITLE = "The paper's numbers and claims beside those measured here"


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Counts of verdicts, a row a table or figure and one of all."""
    groups = [(place(where), rows) for where, rows in table.groupby("where", sort=False)]
    lines = []
    for name, rows in [*sorted(groups, key=lambda group: group[0]), ("all", table)]:
        numbers = Counter(rows.loc[rows["kind"] == "number", "verdict"])
        claims = Counter(rows.loc[rows["kind"] == "claim", "verdict"])
        run = claims.total() - claims["not run"]
        lines.append(
            {"where": name, "numbers": numbers.total()}
            | {verdict: numbers[verdict] for verdict in ("reproduced", "better", "worse", "not run")}
            | {"claims supported": f"{claims['supported']} of {run}" if run else "—"}
            | {"claims not run": claims["not run"]}
        )
    return pd.DataFrame(lines)


def _readable(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    rows = table[table["kind"] == kind]
    where = rows["where"].map(place)
    task = rows["task"].map(shown)
    if kind == "claim":
        told = {"claim": rows["what"], "verdict": rows["verdict"], "measured": rows["why"]}
        return pd.DataFrame({"where": where, "on": task} | told)
    counts = [f"{_count(n)} / {_count(s)}" for n, s in zip(rows["nets"], rows["sets"], strict=True)]
    why = [f"{v}: {w}" if w else v for v, w in zip(rows["verdict"], rows["why"], strict=True)]
    return pd.DataFrame(
        {
            "where": where,
            "on": task,
            "what": rows["what"],
            "paper, %": [cell(*pair) for pair in zip(rows["reported"], rows["reported_std"], strict=True)],
            "here, %": [cell(*pair) for pair in zip(rows["measured"], rows["std"], strict=True)],
            "difference": ["—" if math.isnan(d) else f"{d:+.1f}" for d in rows["difference"]],
            "nets / sets": counts,
            "verdict": why,
        }
    )


def _count(number: float) -> str:
    return "—" if math.isnan(number) else f"{number:.0f}"


def notes(table: pd.DataFrame, scale: str) -> list[str]:
    """What must be said of the comparison."""
    lines = [
        f"Scale {scale}: accuracy (in Figure 6 also attacked images misled) in %, mean ± standard deviation over "
        "held-out nets and sets; a set is one seed.",
        f"Reproduced: within the larger standard deviation, or {POINTS:.0f} points; else better (above) or worse.",
        "That ours beats the baselines means those which it beats by the paper's own numbers; on other data, all.",
    ]
    data = table.loc[table["fidelity"] != "", ["task", "fidelity"]].drop_duplicates()
    lines += [f"Data of {shown(row.task)}: {row.fidelity}" for row in data.itertuples()]
    if not (table["kind"].eq("number") & table["verdict"].ne("not run")).any():
        lines.insert(0, f"Nothing at scale {scale} is a number of the paper: only its claims are tried, on other data.")
    return lines


def _parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {"Summary": summary(table), "Claims": _readable(table, "claim"), "Numbers": _readable(table, "number")}


def _csv(table: pd.DataFrame, _scale: str) -> str:
    return table.to_csv(index=False)


def _markdown(table: pd.DataFrame, scale: str) -> str:
    listing = "".join(f"- {line}\n" for line in notes(table, scale))
    parts = [f"## {name}\n\n{rows.to_markdown(index=False)}\n" for name, rows in _parts(table).items()]
    return "\n".join([f"# {TITLE}\n", listing, *parts])


def _latex(table: pd.DataFrame, scale: str) -> str:
    listing = "".join(f"% {line}\n" for line in notes(table, scale))
    return "\n".join([*(tex(rows) for rows in _parts(table).values()), listing])


def _html(table: pd.DataFrame, scale: str) -> str:
    parts = [f"<h2>{escape(n)}</h2>{wide(rows.to_html(index=False, border=0))}" for n, rows in _parts(table).items()]
    return page(TITLE, listed(notes(table, scale)) + "".join(parts))


WRITERS: dict[str, Callable[[pd.DataFrame, str], str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".tex": _latex,
    ".html": _html,
}
"""The text of a comparison, given its rows and scale, by the ending of its file."""
