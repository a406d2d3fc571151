"""How the time and memory of a meta-step grow with steps, nets and images, and those of the workflow with experiments.

python benchmarks/growth.py             # ten minutes; writes growth.csv and growth.png beside this file
python benchmarks/growth.py SWEEP ...   # measures only these anew, such as nets or experiments
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from run import HERE, Worker

ROOT = HERE.parent
LENET = {"task": "LeNet", "method": "ours", "threads": 2}
SWEEPS = {
    "GD steps": [(n, {"steps": n, "epochs": 1}) for n in (10, 30, 100, 300)],
    "GD steps, window of 30": [(n, {"steps": 10, "epochs": n // 10, "window": 30}) for n in (30, 100, 300, 1000)],
    "nets": [(n, {"nets": n}) for n in (1, 2, 4, 8, 16, 32, 64)],
    "distilled images in a step": [(10 * n, {"per_class": n, "epochs": 1}) for n in (1, 3, 10, 30, 100)],
}
EXPERIMENTS = (10, 30, 100, 300, 500)
RUN = 10
"""The number of experiments that are also run, to measure the overhead of a job."""


def meta_steps(sweep: str, points: list[tuple[int, dict]], units: int = 8) -> list[dict]:
    """LeNet, 4 nets, 10 steps, real batch 1024, but for what is swept; 3 epochs where nets are, else 1.

    With a window, meta-steps differ in the number of steps before it, so their seconds do too.
    """
    rows = []
    for value, options in points:
        worker = Worker(**LENET, **options)
        done = [worker.unit() for _ in range(units)]
        worker.close()
        seconds = statistics.median(unit["seconds"] for unit in done[-3:])  # the first units warm up
        rows.append({"sweep": sweep, "value": value, "seconds": seconds, "MiB": done[-1]["peak"]})
        print(rows[-1], flush=True)
    return rows


def workflow() -> list[dict]:
    """Snakemake's own time and memory: to plan many experiments, and to run a few that have almost nothing to do."""
    rows = []
    for count in EXPERIMENTS:
        seconds, peak = snakemake(count, "--dry-run")
        rows.append({"sweep": "experiments", "value": count, "seconds": seconds, "MiB": peak})
        print(rows[-1], flush=True)
    seconds, _ = snakemake(RUN)
    jobs = 2 * RUN + 1
    rows.append({"sweep": "seconds a job", "value": jobs, "seconds": seconds / jobs})
    print(rows[-1], flush=True)
    return rows


def snakemake(count: int, *options: str) -> tuple[float, float]:
    """Seconds and MiB of a run with `count` experiments of one meta-step each."""
    with tempfile.TemporaryDirectory() as folder:
        settings = "dataset: digits, init: fixed, steps: 1, nets: 1, epochs: 1, real_batch: 64, meta_steps: 1"
        names = [f"e{i}" for i in range(count)]
        lines = [f"  {name}: {{{settings}, seed: {i}}}" for i, name in enumerate(names)]
        config = Path(folder) / "many.yaml"
        config.write_text("\n".join(["scale: many", "experiments:", *lines]))
        command = ["snakemake", *names, "--quiet", "progress", "--cores", "2", *options, "--directory", folder]
        command += ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(ROOT / "config.yaml"), str(config)]
        started = time.perf_counter()
        done = subprocess.run(["/usr/bin/time", "-v", *command], cwd=ROOT, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr)
    return seconds, int(re.search(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)[1]) / 1024


def draw(table: pd.DataFrame) -> plt.Figure:
    sweeps = [*SWEEPS, "experiments"]
    picture, axes = plt.subplots(2, len(sweeps), figsize=(2.4 * len(sweeps), 5), sharex="col", layout="constrained")
    for column, sweep in enumerate(sweeps):
        rows = table[table["sweep"] == sweep]
        for axis, quantity in zip(axes[:, column], ("seconds", "MiB"), strict=True):
            axis.plot(rows["value"], rows[quantity], "o-", color="#1f6fb4")
            top = rows[quantity].max()
            axis.set_ylim(0, 1.1 * top if top > 0 else None)  # none where nothing was measured
            axis.spines[["top", "right"]].set_visible(False)
        axes[0, column].set_title("a meta-step" if sweep in SWEEPS else "planning the workflow", fontsize=10)
        axes[1, column].set_xlim(left=0)  # linear axes, so that linear growth is a straight line
        axes[1, column].set_xlabel(sweep)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("peak memory, MiB")
    return picture


if __name__ == "__main__":
    file, chosen = HERE / "growth.csv", sys.argv[1:] or [*SWEEPS, "experiments"]
    rows = [row for sweep in chosen if sweep in SWEEPS for row in meta_steps(sweep, SWEEPS[sweep])]
    rows += workflow() if "experiments" in chosen else []
    measured = {row["sweep"] for row in rows}
    table = pd.concat([pd.read_csv(file).query("sweep not in @measured"), pd.DataFrame(rows)])
    table.round(3).to_csv(file, index=False)
    draw(table).savefig(HERE / "growth.png", dpi=130)
