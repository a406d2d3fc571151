"""Copies the small files of a run to `results/published/<scale>/`, with a list of how each set was made."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dd.report.formatting import MISSING
from dd.report.measurements import read_table, with_kind
from dd.runtime.errors import UserError
from dd.runtime.files import atomic, load_tensors, write_text

PUBLISHED_ENDINGS = {".csv", ".md", ".png", ".svg"}
BUDGET = ("nets", "real_batch", "meta_steps", "seed")
"""Settings that the list has of every distillation."""


def publish(results: Path, out: Path, with_sets: Sequence[str] = ()) -> pd.DataFrame:
    """Copy the small files of `results` to `out`, in the same folders, and write `runs.csv` and `runs.md` beside them.

    The sets of the experiments `with_sets` are copied too. Experiments that were published earlier, and that this run
    does not have, stay as they are.

    Returns:
        One row for each distillation of this run: experiment, dataset, fidelity, the settings of `BUDGET`, minutes,
        memory_mb, and the versions that made it. Minutes are those of the job that distilled, as Snakemake measured
        them; if it was interrupted, those of its last attempt.

    Raises:
        UserError: nothing was distilled there, a set is damaged, or one that is to be copied is not there.
    """
    sets = sorted(results.glob("distill/*/set.safetensors"))
    if not sets:
        raise UserError(f"{results}: no distilled sets in distill/*/; name a folder like results/laptop")
    missing = set(with_sets) - {path.parent.name for path in sets}
    if missing:
        raise UserError(f"--set {min(missing)}: no {results}/distill/{min(missing)}/set.safetensors; leave it out")
    runs = pd.DataFrame([_run(results, path) for path in sets])
    # pictures of the training are left out: `dd training` draws them from the histories
    small = (p for p in results.rglob("*") if p.suffix in PUBLISHED_ENDINGS and p.name != "training.png")
    for path in [*sorted(small), *(path for path in sets if path.parent.name in with_sets)]:
        with atomic(out / path.relative_to(results)) as temporary:
            shutil.copyfile(path, temporary)
    listed = out / "runs.csv"
    every = runs
    if listed.exists():
        before = read_table(listed, {"experiment"}, "publish", kind="runs").drop(columns="kind", errors="ignore")
        every = pd.concat([before, runs]).drop_duplicates("experiment", keep="last")
    every = every.sort_values("experiment")
    write_text(listed, with_kind("runs", every).to_csv(index=False))
    shown = every.drop(columns="fidelity").astype(object)
    write_text(out / "runs.md", shown.where(shown.notna(), MISSING).to_markdown(index=False) + "\n")
    return runs


def _run(results: Path, path: Path) -> dict:
    info, experiment = load_tensors(path)[1], path.parent.name
    row = {"experiment": experiment, "dataset": info["dataset"]["name"], "fidelity": info["dataset"]["fidelity"]}
    row |= {key: info["config"][key] for key in BUDGET}
    benchmark = results / f"benchmarks/distill/{experiment}.tsv"
    if benchmark.exists():
        cost = read_table(benchmark, {"s", "max_rss"}, "distill", separator="\t").iloc[-1]
        row |= {"minutes": round(cost["s"] / 60, 1), "memory_mb": round(cost["max_rss"])}
    return row | info["made with"]
