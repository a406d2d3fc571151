"""One run of the whole workflow, killed twenty times, beside one that nobody disturbed."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.conftest import checkout

KILLS = 20
SMALL = """
scale: kills
all: [fig3a, table1, table2]
pool: {nets: 4, held_out: 2, shard: 4, epochs: 20}
distill: {real_batch: 64, validation_images: 100, validation_nets: 2, validate_every: 10}
experiments:
  digits_random: {meta_steps: 60, nets: 2}
  digits_shifted_fixed: {meta_steps: 80}
  digits_shifted_random: {meta_steps: 40, nets: 2}
evaluate: {nets: 2}
baselines: {draws: 2, nets: 1, test_nets: 2, candidates: 3, candidate_nets: 1}
adapt: {full: {epochs: 2, nets: 2}, fada: {nets: 2}}
tables: {table1: [digits_random]}
"""
"""The demo with fewer and shorter jobs, of every kind."""
KINDS = {"pools", "distill", "evaluate", "baseline", "adapt", "tables", "figures"}


ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "DD_CHECKPOINT_SECONDS": "1",  # jobs of seconds
}


def snakemake(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    command += ["--configfile", "workflow/scales/demo.yaml", "kills.yaml"]
    with (folder / "console.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | ENVIRONMENT)


def workers(folder: Path) -> list[psutil.Process]:
    """The processes that compute in this checkout, orphans too."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(folder) and words[1:3] == ["-m", "dd"]:
            found.append(process)
    return found


def ended(process: subprocess.Popen, folder: Path, victim: str, chance: random.Random) -> bool:
    """Whether `process`, a run of Snakemake, has come to its end without the kill it was to suffer in some seconds."""
    kill_at = time.monotonic() + chance.uniform(3, 7)
    while process.poll() is None:
        there = [process] if victim == "snakemake" else workers(folder)
        if time.monotonic() > kill_at and there:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                chance.choice(there).kill()
                return False
        time.sleep(0.05)
    return True


def run_killed(folder: Path, chance: random.Random) -> list[str]:
    """Run the workflow to its end as a user would who sees it killed again and again; returns what was killed."""
    victims = ["snakemake", "worker"] * (KILLS // 2)
    chance.shuffle(victims)
    killed, console = [], folder / "console.log"
    while True:
        said = console.stat().st_size if console.exists() else 0
        process = snakemake(folder)
        if len(killed) < KILLS:
            if not ended(process, folder, victims[len(killed)], chance):
                killed.append(victims[len(killed)])
            assert process.returncode != 0, f"done after {len(killed)} kills"
        code = process.wait()
        if code == 0:
            return killed
        if killed and killed[-1] == "snakemake" and code == -signal.SIGKILL:
            assert snakemake(folder, "--unlock").wait() == 0
            if chance.random() < 0.5:
                continue  # too early: orphans still hold their folders, and new jobs there refuse
        elif "another run is working here" not in (text := console.read_text()[said:]):
            assert "Killed" in text, text
        while workers(folder):
            time.sleep(0.2)


@pytest.fixture
def make(tmp_path):
    def run(name):
        folder = checkout(tmp_path / name)
        (folder / "kills.yaml").write_text(SMALL)
        return folder

    yield run
    for name in ("undisturbed", "killed"):
        for orphan in workers(tmp_path / name):
            orphan.kill()


def test_killed_twenty_times_the_results_are_those_of_an_undisturbed_run(make):
    undisturbed, killed = make("undisturbed"), make("killed")
    assert snakemake(undisturbed).wait() == 0, (undisturbed / "console.log").read_text()
    victims = run_killed(killed, random.Random(0))
    assert sorted(victims) == ["snakemake"] * (KILLS // 2) + ["worker"] * (KILLS // 2)
    assert "Traceback" not in (killed / "console.log").read_text()
    results = undisturbed / "results"
    files = [path.relative_to(results) for path in results.rglob("*") if path.is_file()]
    assert {file.parts[1] for file in files} >= KINDS
    for file in files:
        ours, theirs = (folder / "results" / file for folder in (killed, undisturbed))
        if file.name == "history.csv":
            tables = [pd.read_csv(path).drop(columns="seconds") for path in (ours, theirs)]
            pd.testing.assert_frame_equal(*tables, check_exact=True, obj=str(file))
        elif not {"logs", "benchmarks"} & set(file.parts) and file.suffix != ".pdf":  # which tells the time
            assert ours.read_bytes() == theirs.read_bytes(), file
    attempts = "".join(path.read_text() for path in (killed / "work").rglob("attempts.log"))
    assert re.search(r"^[1-9]\d*/\d+ steps \[00:00<\?", attempts, re.M), "none went on from a checkpoint"
    assert not list((killed / "work").rglob("*.safetensors"))
