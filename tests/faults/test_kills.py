"""One run of the whole workflow, killed twenty times, beside one that nobody disturbed."""

import contextlib
import os
import random
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


def computes(process: psutil.Process) -> bool:
    """Whether it is a worker, of Snakemake or left by one."""
    with contextlib.suppress(psutil.Error):  # it has just ended
        return process.cmdline()[1:3] == ["-m", "dd"]
    return False


def orphans(folder: Path) -> list[psutil.Process]:
    """The workers in a checkout where Snakemake has ended."""
    found = psutil.process_iter(["cwd"])
    return [process for process in found if process.info["cwd"] == str(folder) and computes(process)]


def ended(snakemake: subprocess.Popen, victim: str, kill_at: float, chance: random.Random) -> bool:
    """Whether a run has come to its end without the kill it was to suffer."""
    while snakemake.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            itself = psutil.Process(snakemake.pid)
            there = [itself] if victim == "snakemake" else list(filter(computes, itself.children(recursive=True)))
            if there and time.monotonic() > kill_at:
                chance.choice(there).kill()
                return False
        time.sleep(0.05)
    return True


def run_killed(folder: Path, seconds: float, chance: random.Random) -> list[str]:
    """Run the workflow to its end as a user would who sees it killed at random moments of so many seconds; returns
    what was killed."""
    moments = sorted(time.monotonic() + chance.uniform(0, seconds) for _ in range(KILLS))
    victims = ["snakemake", "worker"] * (KILLS // 2)
    chance.shuffle(victims)
    console, number = folder / "console.log", 0
    while True:
        said = console.stat().st_size if console.exists() else 0
        process = snakemake(folder)
        while number < KILLS and not ended(process, victims[number], moments[number], chance):
            number += 1
        code = process.wait()
        if code == 0:
            return victims[:number]
        if code == -signal.SIGKILL:
            assert snakemake(folder, "--unlock").wait() == 0
            if chance.random() < 0.5:
                continue  # too early: orphans still hold their folders, and new jobs there refuse
        else:
            text = console.read_text()[said:]
            assert "Killed" in text or "another run is working here" in text, text
        while orphans(folder):
            time.sleep(0.2)


@pytest.fixture
def make(tmp_path):
    def run(name):
        folder = checkout(tmp_path / name)
        (folder / "kills.yaml").write_text(SMALL)
        return folder

    yield run
    for name in ("undisturbed", "killed"):
        for orphan in orphans(tmp_path / name):
            orphan.kill()


def assert_same_results(killed: Path, undisturbed: Path) -> None:
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


def test_killed_twenty_times_the_results_are_those_of_an_undisturbed_run(make):
    undisturbed, killed = make("undisturbed"), make("killed")
    started = time.monotonic()
    assert snakemake(undisturbed).wait() == 0, (undisturbed / "console.log").read_text()
    seconds = time.monotonic() - started
    # in less time than it takes undisturbed, so that it cannot be done before the last kill
    victims = run_killed(killed, 0.8 * seconds, random.Random(0))
    assert sorted(victims) == ["snakemake"] * (KILLS // 2) + ["worker"] * (KILLS // 2)
    assert "Traceback" not in (killed / "console.log").read_text()
    assert_same_results(killed, undisturbed)
    assert not list((killed / "work").rglob("*.safetensors"))
