"""Writes the measured numbers into README.md and the page of the published results, from the published files.

python tools/results_pages.py [--scale laptop]

Each number stands between `<!-- results: NAME -->` and `<!-- end of NAME -->`, NAME being a function of `BLOCKS`.
"""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.report.comparison_page import summary
from dd.report.formatting import MISSING, mean_std
from dd.report.judged import columns_of
from dd.report.tables.judged import judged_table
from dd.report.verdicts import CHANCE
from dd.report.wording import display_name, place_name

ROOT = Path(__file__).parents[1]
OURS = "Ours, "
FULL = ADAPTATIONS["full"].label
"""The row of a table that trains on all images, which is no rival with as few images."""
NEAREST = ", K-NN"


class Row(NamedTuple):
    """A line of a published table, as it is printed there."""

    task: str
    method: str
    here: str
    paper: str

    @property
    def mean(self) -> float:
        """The measured accuracy, in percent."""
        return float(self.here.split()[0])


def table_rows(folder: Path, name: str) -> list[Row]:
    """The rows of a published table."""
    text = (folder / f"tables/{name}.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)[2:]
    return [Row(*(cell.strip() for cell in line.split("|")[:4])) for line in lines]


def best_rival(rows: list[Row], task: str) -> Row:
    """The best of the other methods that train a network on as few images."""
    rivals = (row for row in rows if row.task == task and not row.method.startswith(OURS))
    return max((row for row in rivals if row.method != FULL and NEAREST not in row.method), key=lambda row: row.mean)


def headline(folder: Path) -> str:
    """What the picture at the top of the README shows."""
    numbers = pd.read_csv(folder / "compare.csv")
    (row,) = numbers[(numbers["where"] == "fig2a") & (numbers["what"] == "after it")].to_dict("records")
    seeds = f" (mean of {row['sets']:.0f} runs)" if row["sets"] > 1 else ""
    return (
        f"**Ten synthetic images, one for each digit, train a network to {row['measured']:.1f} % test accuracy on "
        f"MNIST{seeds}.**"
    )


def main_results(folder: Path) -> str:
    """Our rows of Tables 1 and 2 that the paper has, each beside its number and the best rival."""
    lines = ["| dataset | initial weights | ours, % | paper, % | best rival here, % |", "|---|---|---|---|---|"]
    nearest = []
    for name in ("table1", "table2"):
        rows = table_rows(folder, name)
        for row in rows:
            if row.method.startswith(OURS) and row.paper != MISSING:
                rival = best_rival(rows, row.task)
                kind = row.method.removeprefix(OURS).removesuffix(" init")
                lines.append(f"| {row.task} | {kind} | {row.here} | {row.paper} | {rival.method}: {rival.here} |")
        for task in dict.fromkeys(row.task for row in rows if NEAREST in row.method):
            best = max((row for row in rows if row.task == task and NEAREST in row.method), key=lambda row: row.mean)
            label = best.method.removesuffix(NEAREST)
            nearest.append(f"{best.mean} % on {task} ({label})")
    sentence = f"K-nearest neighbours, which train no network, reach {' and '.join(nearest)} from as many images."
    return "\n".join([*lines, "", sentence])


def claims(folder: Path) -> str:
    """How many of the paper's claims and numbers were tried, and how many hold."""
    table = pd.read_csv(folder / "compare.csv")
    counts = summary(table).set_index("where").loc["all"].to_dict()
    chance = table[table["kind"] == "claim"]["why"].str.contains(CHANCE, na=False).sum()
    return (
        f"Of the paper's {counts['claims made']} claims, {counts['tried']} were tried and {counts['supported']} of "
        f"those hold; for {chance} of those tried, chance may explain the verdict. "
        f"Of its {counts['numbers']} numbers, {counts['numbers'] - counts['not run']} were measured: "
        f"{counts['the same']} are the same, within 2 points or two standard errors. Of the others, our method is "
        f"better in {counts['better']} and worse in {counts['worse']}; other methods are higher in {counts['higher']} "
        f"and lower in {counts['lower']}."
    )


def verdicts(folder: Path) -> str:
    """The count of verdicts, a row for each table and figure of the paper."""
    return summary(pd.read_csv(folder / "compare.csv")).to_markdown(index=False)


def failures(folder: Path) -> str:
    """The claims that fail here, and our numbers that are worse than the paper's."""
    numbers = pd.read_csv(folder / "compare.csv")
    failed, worse = (numbers[numbers["verdict"] == verdict] for verdict in ("NOT supported", "worse"))
    lines = [f"{row.what}: {row.why}" for row in failed.itertuples()]
    worse = worse.drop_duplicates("result")
    lines += [f"{row.what}: {row.measured:.1f} %, where the paper has {row.reported:.1f}" for row in worse.itertuples()]
    places = [
        f"{place_name(str(row.where))}, {display_name(str(row.task))}"
        for row in pd.concat([failed, worse]).itertuples()
    ]
    return "\n".join(f"- {place}. {line}" for place, line in zip(places, lines, strict=True))


def poisoning(folder: Path) -> str:
    """What each kind of images does to the attacked class, class 0, and to the others."""
    bars = pd.read_csv(folder / "figures/fig6.csv")
    lines = ["| data | images | class 0 taken for class 1, % | other classes right, % |", "|---|---|---|---|"]
    for (data, method), rows in bars.groupby(["dataset", "method"], sort=False):
        label = BASELINES[str(method)].label if method in BASELINES else "Ours"
        told = rows.set_index("measure").loc[["misled", "others"], ["mean", "std"]]
        cells = [mean_std(mean, std) for mean, std in told.to_numpy()]
        lines.append(f"| {str(data).upper()} | {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(name: str) -> Callable[[Path], str]:
    """The function that writes a published table without its notes: a column of tasks, methods, here and the paper."""

    def written(folder: Path) -> str:
        rows = table_rows(folder, name)
        lines = ["| data | method | here, % | paper, % |", "|---|---|---|---|"]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])

    return written


def judged(folder: Path) -> str:
    """Our sets beside those of others, judged alike."""
    columns = columns_of(judged_table([folder / "judge/judge.csv"])).drop(columns="steps", errors="ignore")
    return columns.to_markdown(index=False)


BLOCKS: dict[str, Callable[[Path], str]] = {
    "headline": headline,
    "main results": main_results,
    "claims": claims,
    "verdicts": verdicts,
    "failures": failures,
    "judged": judged,
    "poisoning": poisoning,
    **{name: table(name) for name in ("table1", "table2", "table3")},
}
"""What writes each block, from the folder of a published run."""


def filled(page: str, folder: Path) -> str:
    """The text of a page with its blocks written anew."""

    def block(found: re.Match) -> str:
        name = found["name"]
        return f"<!-- results: {name} -->\n{BLOCKS[name](folder)}\n<!-- end of {name} -->"

    return re.sub(r"<!-- results: (?P<name>.+) -->\n.*?<!-- end of (?P=name) -->", block, page, flags=re.DOTALL)


def pages(folder: Path) -> list[Path]:
    """The pages that have blocks: the README, that of the published run, and that of judging."""
    judging = [ROOT / "docs/judging.md"] if (folder / "judge/judge.csv").exists() else []
    return [ROOT / "README.md", folder / "README.md", *judging]


def main() -> None:
    """Write the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", default="laptop", help="the published run whose numbers are shown")
    folder = ROOT / "results/published" / parser.parse_args().scale
    for page in pages(folder):
        page.write_text(filled(page.read_text(encoding="utf-8"), folder), encoding="utf-8")


if __name__ == "__main__":
    main()
