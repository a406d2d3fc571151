"""The paper's tables, measured beside reported."""

import json
import math
from collections.abc import Callable
from html import escape
from pathlib import Path

import pandas as pd

from dd.report.paper import METHODS, NETS, TABLE_1, Reported
from dd.runtime.errors import UserError

STYLE = "body{font:15px/1.5 system-ui;margin:2em} td,th{padding:.2em .8em;text-align:left}"
METRICS = {
    *{"dataset", "net", "init", "steps", "epochs", "distilled_images", "held_out_net", "stage", "test_images"},
    "accuracy",
}
"""Columns of `dd evaluate`."""
BASELINE = {
    *{"dataset", "net", "init", "steps", "distilled_images", "baseline", "draw", "stage", "images", "chosen_on"},
    *{"accuracy", "accuracy_std", "nets"},
}
"""Columns of `dd baseline`."""


def read_table(path: Path, columns: set[str], command: str, separator: str = ",") -> pd.DataFrame:
    """The CSV that `command` wrote.

    Raises:
        UserError: no such file, or one that lacks `columns`.
    """
    try:
        table = pd.read_csv(path, sep=separator)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error
    if table.empty or not set(table) >= columns:
        raise UserError(f"{path}: not a table of `python -m dd {command}`")
    return table


def read_measured(path: Path) -> pd.DataFrame:
    """The CSV of `dd evaluate` or `dd baseline`.

    Raises:
        UserError: no such file, neither of the two, or without a final measurement.
    """
    table = read_table(path, {"stage"}, "evaluate` or `baseline")
    of_baseline = "baseline" in table
    wanted, last = (BASELINE, "test") if of_baseline else (METRICS, "after")
    if not set(table) >= wanted or last not in set(table["stage"]):
        raise UserError(f"{path}: not a whole table of `python -m dd {'baseline' if of_baseline else 'evaluate'}`")
    return table


def read_fidelity(path: Path) -> tuple[str, str]:
    """Name and fidelity of a prepared dataset, from the `.json` beside it.

    Raises:
        UserError: no such file, or another.
    """
    sidecar = path.with_suffix(".json")
    try:
        info = json.loads(sidecar.read_text())
        return info["name"], info["fidelity"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{sidecar}: not the metadata of a prepared dataset ({error!r})") from error


def pooled(rows: pd.DataFrame) -> tuple[float, float, int]:
    """Mean and standard deviation over all sets and nets, and nets a set, of rows with both over the nets of a set."""
    mean = rows["accuracy"].mean()
    variance = (rows["accuracy_std"] ** 2).mean() + rows["accuracy"].var(ddof=0)
    return mean, math.sqrt(variance), int(rows["nets"].iloc[0])


def combination(rows: pd.DataFrame) -> str:
    """What the rows of a tested baseline used: `rate 0.1, 3 epochs`, `learned rates, 1 epoch` or `l2, K = 1`."""
    first = rows.iloc[0]
    if "metric" in rows:
        return f"{first['metric']}, K = {first['neighbours']}"
    rates = "learned rates" if first["lr"] == "learned" else f"rate {first['lr']}"
    return f"{rates}, {first['epochs']} epoch{'' if first['epochs'] == 1 else 's'}"


def table_1(measured: list[pd.DataFrame], scale: str, fidelity: dict[str, str]) -> pd.DataFrame:
    """Rows of Table 1 in its order: dataset, method, measured mean and std, nets, sets, reported mean and std, ...

    Args:
        measured: tables of `dd evaluate` and `dd baseline`.
        scale: that they were measured at.
        fidelity: what is known of the data, by dataset.
    """
    rows = [_of_baseline(table) if "baseline" in table else _of_set(table) for table in measured]
    datasets, methods = (list(names) for names in (TABLE_1, METHODS))
    last = len(datasets)
    rows.sort(
        key=lambda row: (
            datasets.index(row["dataset"]) if row["dataset"] in datasets else last,
            row["dataset"],
            methods.index(row["method"]),
        )
    )
    for row in rows:
        # the paper's number belongs to its own setting only
        same = row.pop("setting") == (NETS.get(row["dataset"]), 10, 100)
        paper = TABLE_1[row["dataset"]][row["method"]] if same else Reported(math.nan)
        row |= {"paper": paper.mean, "paper_std": paper.std, "scale": scale}
        row |= {"fidelity": fidelity.get(row["dataset"], ""), "method": METHODS[row["method"]]}
    return pd.DataFrame(rows)


def _of_set(table: pd.DataFrame) -> dict:
    after = table[table["stage"] == "after"]
    three_epochs = after["epochs"].iloc[0] == 3
    several = len(after) > 1
    return {
        "dataset": after["dataset"].iloc[0],
        "setting": _setting(after) if three_epochs else None,
        "method": "fixed" if after["init"].iloc[0] == "fixed" else "random init",
        "accuracy": after["accuracy"].mean(),
        "std": after["accuracy"].std(ddof=0) if several else None,
        "nets": len(after),
        "sets": 1,
        "test_images": after["test_images"].iloc[0],
        "combination": "as distilled",
        "chosen_on": "",
    }


def _of_baseline(table: pd.DataFrame) -> dict:
    test = table[table["stage"] == "test"]
    mean, std, nets = pooled(test)
    return {
        "dataset": test["dataset"].iloc[0],
        "setting": _setting(test),
        "method": test["baseline"].iloc[0],
        "accuracy": mean,
        "std": std,
        "nets": None if "metric" in table else nets,
        "sets": len(test),
        "test_images": test["images"].iloc[0],
        "combination": combination(test),
        "chosen_on": test["chosen_on"].iloc[0],
    }


def _setting(rows: pd.DataFrame) -> tuple:
    return tuple(rows[["net", "steps", "distilled_images"]].iloc[0])


def _cell(mean: float, std: float | None) -> str:
    if math.isnan(mean):
        return "—"
    return f"{mean:.1f}" if std is None or math.isnan(std) else f"{mean:.1f} ± {std:.1f}"


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    nets = ["—" if pd.isna(n) else f"{n:.0f}" for n in table["nets"]]
    return pd.DataFrame(
        {
            "dataset": table["dataset"].str.upper(),
            "method": table["method"],
            "here, %": [_cell(*pair) for pair in zip(table["accuracy"], table["std"], strict=True)],
            "paper, %": [_cell(*pair) for pair in zip(table["paper"], table["paper_std"], strict=True)],
            "nets": nets,
            "sets": table["sets"],
            "combination": table["combination"],
        }
    )


def notes(table: pd.DataFrame) -> list[str]:
    """What must be said under the table."""
    scale = table["scale"].iloc[0]
    lines = [f"Scale {scale}; accuracy on test images, mean ± standard deviation over held-out nets and sets."]
    for chosen_on in sorted({c for c in table["chosen_on"] if c}):
        where = {"held-out": "held-out training images", "test": "the test set, as in the paper"}[chosen_on]
        lines.append(f"The combination of a baseline was chosen on {where}.")
    for name, group in table.groupby("dataset", sort=False):
        lines.append(f"{name.upper()}: {group['test_images'].iloc[0]:,} test images; {group['fidelity'].iloc[0]}")
    return lines


def _markdown(table: pd.DataFrame) -> str:
    return _readable(table).to_markdown(index=False) + "\n\n" + "\n".join(f"- {line}" for line in notes(table)) + "\n"


def _latex(table: pd.DataFrame) -> str:
    text = _readable(table).to_latex(index=False, escape=True).replace("±", r"$\pm$").replace("—", "--")
    return text + "".join(f"% {line}\n" for line in notes(table))


def _html(table: pd.DataFrame) -> str:
    listed = "".join(f"<li>{escape(line)}</li>" for line in notes(table))
    body = _readable(table).to_html(index=False, border=0)
    return f"<!doctype html><meta charset=utf-8><title>Table 1</title><style>{STYLE}</style>{body}<ul>{listed}</ul>\n"


WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {
    ".csv": lambda table: table.to_csv(index=False),
    ".md": _markdown,
    ".tex": _latex,
    ".html": _html,
}
"""The text of a table by the ending of its file."""
