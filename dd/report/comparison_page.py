"""The comparison with the paper as CSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from statistics import median
from typing import TYPE_CHECKING, Any

from dd.report.comparison import NOT_RUN, OTHER_CLAIM
from dd.report.formatting import MISSING, latex_table, mean_std
from dd.report.html_page import listed, page, wide
from dd.report.records import PAPER_NETS
from dd.report.verdicts import STANDARD_ERRORS, TOLERANCE, VERDICTS
from dd.report.wording import display_name, place_name

if TYPE_CHECKING:
    import pandas as pd

COMPARISON_TITLE = "The paper's numbers and claims beside those measured here"


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """How often each verdict occurs: a row for each table or figure of the paper, for all of them, and for other data.

    In the row for all, a result that the paper prints twice counts once. Stand-ins for the paper's data count only in
    the last row.
    """
    import pandas as pd

    other = table["kind"] == OTHER_CLAIM
    papers = table[~other]
    groups = [(place_name(str(where)), rows) for where, rows in papers.groupby("where", sort=False)]
    groups.sort(key=lambda group: group[0])
    groups.append(("all", _once(papers)))
    if other.any():
        groups.append(("data that the paper lacks", table[other]))
    return pd.DataFrame([_counts(name, rows) for name, rows in groups])


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, without the second of two numbers that are one result; what was run comes first."""
    import pandas as pd

    numbers = rows[rows["kind"] == "number"]
    numbers = numbers.sort_values("verdict", key=lambda verdicts: verdicts == NOT_RUN, kind="stable")
    return pd.concat([numbers.drop_duplicates("result"), rows[rows["kind"] != "number"]])


def _counts(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    numbers = Counter(rows.loc[rows["kind"] == "number", "verdict"])
    claims = Counter(rows.loc[rows["kind"] != "number", "verdict"])
    return {
        "where": name,
        "numbers": numbers.total(),
        **{verdict: numbers[verdict] for verdict in (*VERDICTS, NOT_RUN)},
        "claims made": claims.total(),
        "tried": claims.total() - claims[NOT_RUN],
        "supported": claims["supported"],
    }


def _shown_claims(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = table[table["kind"] != "number"]
    return pd.DataFrame(
        {
            "where": rows["where"].map(place_name),
            "on": rows["task"].map(display_name),
            "claim": rows["what"],
            "verdict": rows["verdict"],
            "measured": rows["why"],
        }
    )


def _shown_numbers(table: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = table[table["kind"] == "number"]
    counts = [f"{_count(nets)} / {_count(sets)}" for nets, sets in zip(rows["nets"], rows["sets"], strict=True)]
    verdicts = [
        f"{verdict}: {why}" if why else verdict for verdict, why in zip(rows["verdict"], rows["why"], strict=True)
    ]
    return pd.DataFrame(
        {
            "where": rows["where"].map(place_name),
            "on": rows["task"].map(display_name),
            "what": rows["what"],
            "paper, %": list(map(mean_std, rows["reported"], rows["reported_std"])),
            "here, %": list(map(mean_std, rows["measured"], rows["std"])),
            "difference": [MISSING if math.isnan(points) else f"{points:+.1f}" for points in rows["difference"]],
            "spread here, paper": list(map(_spreads, rows["std"], rows["reported_std"])),
            "nets / sets": counts,
            "verdict": verdicts,
        }
    )


def _spreads(here: float, paper: float) -> str:
    """Both standard deviations over nets, where both are known."""
    return MISSING if math.isnan(here) or math.isnan(paper) else f"{here:.1f}, {paper:.1f}"


def _count(number: float) -> str:
    return MISSING if math.isnan(number) else f"{number:.0f}"


def notes(table: pd.DataFrame, scale: str, hours: Sequence[float] = ()) -> list[str]:
    """The notes above the comparison: how to read it, how long distillations took, where the data come from."""
    lines = [
        f"Scale {scale}: accuracy (in Figure 6 also attacked images misled) in %, mean ± standard deviation over "
        "held-out nets and sets; a set is one seed.",
        f"The same: the difference is at most {TOLERANCE:.0f} points, or {STANDARD_ERRORS:.0f} standard errors of the "
        "difference of the two means, from the standard deviations over nets and sets here and over the paper's "
        f"{PAPER_NETS} nets (Table 3: 10 runs). "
        "Otherwise the number here is better (above the paper's; of an attacked class, below it) or worse for our "
        "method, higher or lower for others.",
        "In the line for all, a result that the paper prints twice counts once. Data that the paper lacks, such as "
        "stand-ins, have a line of their own.",
        "A claim that ours beats the baselines is about those that it beats in the paper's own numbers. On data that "
        "the paper does not have, it is about all baselines. Two standard errors of a difference are told "
        "where chance may explain the verdict.",
    ]
    if hours:
        lines.append(
            "A distillation typically took the authors 1 to 4 hours on Titan Xp and V100 GPUs, one for a fixed init, "
            f"four for random ones (Section S-1). Here {len(hours)} took {min(hours):.2f} to {max(hours):.2f} hours, "
            f"median {median(hours):.2f}, on the hardware of this run; points of curves do not count."
        )
    data = table.loc[table["fidelity"] != "", ["task", "fidelity"]].drop_duplicates()
    lines += [f"Data of {display_name(row['task'])}: {row['fidelity']}" for _, row in data.iterrows()]
    if not (table["kind"].eq("number") & table["verdict"].ne(NOT_RUN)).any():
        lines.insert(
            0, f"Nothing at scale {scale} is a number of the paper: only its claims are tested, on other data."
        )
    return lines


def _parts(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {"Summary": summary(table), "Claims": _shown_claims(table), "Numbers": _shown_numbers(table)}


def _csv(table: pd.DataFrame, _scale: str, _hours: Sequence[float] = ()) -> str:
    return table.to_csv(index=False)


def _markdown(table: pd.DataFrame, scale: str, hours: Sequence[float] = ()) -> str:
    listing = "".join(f"- {line}\n" for line in notes(table, scale, hours))
    parts = [f"## {name}\n\n{rows.to_markdown(index=False)}\n" for name, rows in _parts(table).items()]
    return "\n".join([f"# {COMPARISON_TITLE}\n", listing, *parts])


def _latex(table: pd.DataFrame, scale: str, hours: Sequence[float] = ()) -> str:
    listing = "".join(f"% {line}\n" for line in notes(table, scale, hours))
    return "\n".join([*(latex_table(rows) for rows in _parts(table).values()), listing])


def _html(table: pd.DataFrame, scale: str, hours: Sequence[float] = ()) -> str:
    body = listed(notes(table, scale, hours))
    for name, rows in _parts(table).items():
        body += f"<h2>{escape(name)}</h2>{wide(rows.to_html(index=False, border=0))}"
    return page(COMPARISON_TITLE, body)


def verdicts_table(table: pd.DataFrame) -> str:
    """The summary alone as an HTML table, without the lines where nothing was tried; for the report's first page."""
    rows = summary(table)
    tried = rows["tried"] + rows["numbers"] - rows[NOT_RUN] > 0
    return rows[tried].to_html(index=False, border=0, classes="verdicts")


COMPARISON_WRITERS: dict[str, Callable[..., str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".tex": _latex,
    ".html": _html,
}
"""The text of a comparison, given its rows, scale and hours of each distillation, by the ending of its file."""
