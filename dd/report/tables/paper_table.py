"""The paper's tables, measured beside reported."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dd.report.html_page import listed, page, wide
from dd.report.paper_numbers import COMPARED, EPOCHS, METHODS, OURS, TABLES, TITLES, Reported
from dd.report.provenance import noted, shown
from dd.runtime.errors import UserError

METRICS = {
    *{"dataset", "source", "net", "init", "steps", "epochs", "distilled_images", "held_out_net", "stage"},
    *{"test_images", "accuracy"},
}
"""Columns of `dd evaluate`, and of `dd adapt`."""
BASELINE = {
    *{"dataset", "source", "net", "init", "steps", "distilled_images", "baseline", "draw", "stage", "images"},
    "chosen_on",
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


def read_evaluated(path: Path, *stages: str) -> pd.DataFrame:
    """The CSV of `dd evaluate` for one network, trained in the set's own way.

    Raises:
        UserError: no such file, one that lacks any of `stages`, or one of other networks or another protocol.
    """
    table = read_table(path, METRICS, "evaluate")
    if missing := [stage for stage in stages if stage not in set(table["stage"])]:
        raise UserError(f"{path}: not a whole table of `python -m dd evaluate`; it has no nets {missing[0]} training")
    if table["net"].nunique() > 1 or set(table.get("protocol", ["native"])) != {"native"}:
        raise UserError(f"{path}: of several networks or another protocol; `python -m dd transfer` shows those")
    return table


def read_measured(path: Path) -> pd.DataFrame:
    """The CSV of `dd evaluate`, `dd baseline` or `dd adapt`.

    Raises:
        UserError: no such file, none of these, or without a final measurement.
    """
    table = read_table(path, {"stage"}, "evaluate` or `baseline")
    if "baseline" not in table:
        table = read_evaluated(path, "after")
    elif not set(table) >= BASELINE or "test" not in set(table["stage"]):
        raise UserError(f"{path}: not a whole table of `python -m dd baseline`")
    return table.astype({"source": object}).fillna({"source": ""})


class Data(NamedTuple):
    """What a table must know of a prepared dataset."""

    name: str
    root: str
    """The dataset whose images these are at another size or in other channels, or itself."""
    fidelity: str


def read_data(path: Path) -> Data:
    """Of a prepared dataset, from the `.json` beside it.

    Raises:
        UserError: no such file, or another.
    """
    sidecar = path.with_suffix(".json")
    try:
        info = json.loads(sidecar.read_text(encoding="utf-8"))
        return Data(info["name"], info.get("of", info["name"]), info["fidelity"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{sidecar}: not the metadata of a prepared dataset ({error!r})") from error


def pooled(rows: pd.DataFrame, what: str = "accuracy") -> tuple[float, float, int]:
    """Mean and standard deviation over all sets and nets, and nets a set, of rows with both over the nets of a set."""
    mean = rows[what].mean()
    variance = (rows[f"{what}_std"] ** 2).mean() + rows[what].var(ddof=0)
    return mean, math.sqrt(variance), int(rows["nets"].iloc[0])


def combination(rows: pd.DataFrame) -> str:
    """What the rows of a tested baseline used, such as `rate 0.1, 3 epochs` or `l2, K = 1, augmented`."""
    first = rows.iloc[0]
    augmented = ", augmented" if first.get("augment", False) else ""
    if "metric" in rows:
        return f"{first['metric']}, K = {first['neighbours']}{augmented}"
    rates = "learned rates" if first["lr"] == "learned" else f"rate {first['lr']}"
    return f"{rates}, {first['epochs']} epoch{'' if first['epochs'] == 1 else 's'}{augmented}"


def paper_table(name: str, measured: list[pd.DataFrame], scale: str, data: list[Data]) -> pd.DataFrame:
    """Rows of table `name` of `TABLES` in its order: task, method, measured mean and std, reported ones, and how.

    Args:
        name: `table1`, `table2` or `table3`.
        measured: tables of `dd evaluate`, `dd baseline` and `dd adapt`.
        scale: that they were measured at.
        data: of all datasets that occur.
    """
    roots, fidelity = {d.name: d.root for d in data}, {d.name: d.fidelity for d in data}
    rows = []
    for table in map(noted, measured):
        first, paired = table.iloc[0], name == "table2"
        source, target = first["source"], first["dataset"]
        # networks and images meet at one size and number of channels; elsewhere the paper has each as it is
        if paired and roots.get(source, source) != roots.get(target, target):
            source, target = roots.get(source, source), roots.get(target, target)
        task = f"{source} → {target}" if paired else target
        known = {"task": task, "scale": scale, "fidelity": fidelity.get(first["dataset"], first["fidelity"])}
        if paired and first["source"] in fidelity:  # nets and FADA have learned from those images too
            texts = {target: known["fidelity"], source: fidelity[first["source"]]}
            known["fidelity"] = "; ".join(f"{shown(name)} {text}" for name, text in texts.items() if text)
        for row in _baseline_rows(table) if "baseline" in table else _net_rows(table, with_before=paired):
            row = known | row
            rows.append(row | _reported(name, row, first) | {"beyond": first["beyond"]})
    order, methods = [*TABLES[name], *(row["task"] for row in rows)], list(METHODS)
    rows.sort(key=lambda row: (order.index(row["task"]), methods.index(row["method"])))
    return pd.DataFrame(rows)


def _reported(name: str, row: dict, first: pd.Series) -> dict:
    """The paper's number, which belongs to its own setting and way only; `first` is a measurement of the `row`."""
    task, method, epochs = TABLES[name].get(row["task"]), row["method"], row.pop("epochs")
    setting = (first["net"], first["steps"], first["distilled_images"], first["init"], epochs)
    wanted = (task.net, task.steps, task.images, OURS.get(method, COMPARED[name]), EPOCHS) if task else ()
    same = setting == wanted and not first["beyond"]
    paper = task.reported.get(method, Reported(math.nan)) if same else Reported(math.nan)
    return {"paper": paper.mean, "paper_std": paper.std, "label": METHODS[method]}


def _net_rows(table: pd.DataFrame, with_before: bool) -> Iterator[dict]:
    """Of nets after training on a distilled set or another adaptation, and `with_before` of those it began with."""
    first = table.iloc[0]
    method = first["method"] if "method" in table else {init: ours for ours, init in OURS.items()}[first["init"]]
    way = f"as distilled, {first['beyond']}" if first["beyond"] else "as distilled"
    stages = {"after": method} | ({"before": "none"} if with_before and method == "random_pretrained" else {})
    for stage, name in stages.items():
        rows = table[table["stage"] == stage]
        yield {
            "method": name,
            "epochs": first["epochs"],
            "accuracy": rows["accuracy"].mean(),
            "std": rows["accuracy"].std(ddof=0) if len(rows) > 1 else None,
            "nets": len(rows),
            "sets": 1,
            "test_images": first["test_images"],
            "combination": way if stage == "after" and "method" not in table else "",
            "chosen_on": "",
        }


def _baseline_rows(table: pd.DataFrame) -> Iterator[dict]:
    test = table[table["stage"] == "test"]
    mean, std, nets = pooled(test)
    yield {
        "method": test["baseline"].iloc[0],
        "epochs": EPOCHS,
        "accuracy": mean,
        "std": std if nets * len(test) > 1 else None,
        "nets": None if "metric" in table else nets,
        "sets": len(test),
        "test_images": test["images"].iloc[0],
        "combination": combination(test),
        "chosen_on": test["chosen_on"].iloc[0],
    }


def cell(mean: float, std: float | None) -> str:
    """`87.1 ± 3.9`, in percent, or a dash."""
    if math.isnan(mean):
        return "—"
    return f"{mean:.1f}" if std is None or math.isnan(std) else f"{mean:.1f} ± {std:.1f}"


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    nets = ["—" if pd.isna(n) else f"{n:.0f}" for n in table["nets"]]
    return pd.DataFrame(
        {
            "task": table["task"].map(shown),
            "method": table["label"],
            "here, %": [cell(*pair) for pair in zip(table["accuracy"], table["std"], strict=True)],
            "paper, %": [cell(*pair) for pair in zip(table["paper"], table["paper_std"], strict=True)],
            "nets": nets,
            "sets": table["sets"],
            "combination": table["combination"],
        }
    )


def notes(name: str, table: pd.DataFrame) -> list[str]:
    """What must be said under the table."""
    scale = table["scale"].iloc[0]
    lines = [f"Scale {scale}; accuracy on test images, mean ± standard deviation over held-out nets and sets."]
    for chosen_on in sorted({c for c in table["chosen_on"] if c}):
        where = {"held-out": "held-out training images", "test": "the test set, as in the paper"}[chosen_on]
        lines.append(f"The combination of a baseline was chosen on {where}.")
    for task, group in table.groupby("task", sort=False):
        lines.append(f"{shown(task)}: {group['test_images'].iloc[0]:,} test images; {group['fidelity'].iloc[0]}")
    for (task, beyond), group in table[table["beyond"] != ""].groupby(["task", "beyond"], sort=False):
        labels = ", ".join(group["label"])
        lines.append(
            f"{shown(task)}: {labels}: of a set with {beyond}, not the paper's way: no number of it beside them."
        )
    lines += [f"{shown(task)}: not run at this scale." for task in TABLES[name] if task not in set(table["task"])]
    return lines


def _csv(_name: str, table: pd.DataFrame) -> str:
    return table.to_csv(index=False)


def _markdown(name: str, table: pd.DataFrame) -> str:
    said = "".join(f"- {line}\n" for line in notes(name, table))
    return f"{_readable(table).to_markdown(index=False)}\n\n{said}"


def tex(table: pd.DataFrame) -> str:
    """A tabular in LaTeX."""
    text = table.to_latex(index=False, escape=True)
    for sign, macro in {"±": r"$\pm$", "—": "--", "→": r"$\to$", "≥": r"$\geq$"}.items():
        text = text.replace(sign, macro)
    return text


def _latex(name: str, table: pd.DataFrame) -> str:
    return tex(_readable(table)) + "".join(f"% {line}\n" for line in notes(name, table))


def _html(name: str, table: pd.DataFrame) -> str:
    body = wide(_readable(table).to_html(index=False, border=0))
    return page(TITLES[name], body + listed(notes(name, table)))


WRITERS: dict[str, Callable[[str, pd.DataFrame], str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".tex": _latex,
    ".html": _html,
}
"""The text of a table, given its name and rows, by the ending of its file."""
