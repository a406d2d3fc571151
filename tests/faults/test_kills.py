"""A run of the demo, and a shorter one, each killed twenty times and compared with one that nobody disturbed."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.conftest import checkout

pytestmark = pytest.mark.timeout(7200)
KILLS = 20
SHORT = """
scale: short
all: [fig3a, fig5, fig6, table2, transfer]
pool: {nets: 4, held_out: 2, shard: 2, epochs: 25}
distill: {real_batch: 64, validation_images: 100, validation_nets: 2, validate_every: 20}
experiments:
  digits_random: {meta_steps: 60, nets: 2}
  digits_shifted_random: {meta_steps: 60, nets: 2}
  digits_poison: {meta_steps: 200}
evaluate: {nets: 2}
transfer: {nets: [MLP], protocols: [native], held_out: 2}
baselines: {draws: 2, nets: 1, test_nets: 2, candidates: 3, candidate_nets: 1}
adapt: {full: {epochs: 2, nets: 2}, fada: {nets: 1}}
tables: {table2: [digits_shifted_random]}
curves:
  fig5: [{panel: digits, label: steps, experiment: digits_random, x: distilled_images, vary: steps, values: [1, 5]}]
"""
"""The demo with fewer and shorter jobs, for CI. What it lacks is the linear case, which has no small size."""
KINDS = {"pools", "distill", "evaluate", "transfer", "baseline", "adapt", "tables", "figures"}
RESUMED = {"distill", "pool"}
"""The commands that save checkpoints."""
HOURS = re.compile(rb"Here \d+ took [\d.]+ to [\d.]+ hours, median [\d.]+,")
"""What the comparison says of the time that distillations took."""

ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "DD_CHECKPOINT_SECONDS": "0.5",  # jobs of seconds
}


def snakemake(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    command += ["--configfile", "workflow/scales/demo.yaml", "kills.yaml"]
    with (folder / "console.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ | ENVIRONMENT)


def job(process: psutil.Process) -> tuple[str, ...]:
    """The command and options of a worker, of Snakemake or left by one; of other processes nothing."""
    with contextlib.suppress(psutil.Error):  # it has just ended
        words = process.cmdline()[1:]
        if words[:2] == ["-m", "dd"]:
            return tuple(words[2:])
    return ()


def workers(snakemake: subprocess.Popen) -> dict[tuple[str, ...], psutil.Process]:
    """The workers of Snakemake by their jobs."""
    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
        found = {job(process): process for process in psutil.Process(snakemake.pid).children(recursive=True)}
        return {name: process for name, process in found.items() if name}
    return {}


def orphans(folder: Path) -> list[psutil.Process]:
    """The workers in a checkout where Snakemake has ended."""
    found = psutil.process_iter(["cwd"])
    return [process for process in found if process.info["cwd"] == str(folder) and job(process)]


def watch(snakemake: subprocess.Popen) -> tuple[float, dict[tuple[str, ...], float]]:
    """The seconds until a run's first worker came, and those that each of its jobs has lived."""
    started, first, last = time.monotonic(), {}, {}
    while snakemake.poll() is None:
        for name in workers(snakemake):
            last[name] = time.monotonic()
            first.setdefault(name, last[name])
        time.sleep(0.1)
    return min(first.values()) - started, {name: last[name] - first[name] for name in last}


class Killer:
    """Kills at random moments of the time that processes live, which an undisturbed run has told."""

    def __init__(self, starting: float, lives: dict[tuple[str, ...], float]):
        self.starting, self.lives, self.chance = starting, lives, random.Random(0)
        self.mean_life = sum(lives.values()) / len(lives)
        """Also that of a worker so short that nobody saw it in the undisturbed run."""
        self.pace = 1.0
        """How long processes live now, of what they did then: a machine shared with others changes its pace."""
        self.killed: Counter[str] = Counter()
        self.under_way: list[int] = []
        """The workers there were at each death of Snakemake."""

    def kill_snakemake(self, process: subprocess.Popen) -> bool:
        """Every fourth time before its first job, else with two under way; False if it has ended before."""
        early = self.killed["snakemake"] % 4 == 0
        while not early and process.poll() is None and len(workers(process)) < 2:
            time.sleep(0.05)
        life = self.pace * (self.starting if early else self.mean_life)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self.chance.uniform(0, life))
            return False
        self.under_way.append(len(workers(process)))
        process.kill()
        self.killed["snakemake"] += 1
        return True

    def kill_worker(self, process: subprocess.Popen) -> bool:
        """One of the command that has died least often, at most thrice; False if Snakemake has ended before."""
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):  # it ended just before its kill
                there = {name: worker for name, worker in workers(process).items() if self.killed[name[0]] < 3}
                if there:
                    name = min(there, key=lambda name: (self.killed[name[0]], self.chance.random()))
                    if self._moment_comes(there[name], name):
                        there[name].kill()
                        self.killed[name[0]] += 1
                        return True
            time.sleep(0.05)
        return False

    def _moment_comes(self, worker: psutil.Process, name: tuple[str, ...]) -> bool:
        """Whether a worker lives until its moment. Of each command that saves checkpoints the first victim, and then
        every second, has saved one."""
        saves = name[0] in RESUMED and self.killed[name[0]] % 2 == 0
        saved = Path(worker.cwd(), name[name.index("--work") + 1], "checkpoint.safetensors") if saves else None
        while saved and not saved.exists() and job(worker):
            time.sleep(0.05)
        life = self.lives.get(name, self.mean_life)
        moment = time.monotonic() + self.pace * self.chance.uniform(0, life / (3 if saves else 1))
        while time.monotonic() < moment and job(worker):
            time.sleep(0.05)
        alive = bool(job(worker))
        self.pace *= 1 if alive else 0.9
        return alive


def run_killed(folder: Path, killer: Killer) -> None:
    """Run the workflow to its end as a user would who sees it killed again and again."""
    victims = [killer.kill_snakemake, killer.kill_worker] * (KILLS // 2)
    killer.chance.shuffle(victims)
    console = folder / "console.log"
    while True:
        said = console.stat().st_size if console.exists() else 0
        process = snakemake(folder)
        while victims and victims[-1](process):
            victims.pop()
        code = process.wait()
        if code == 0:
            return
        if code == -signal.SIGKILL:
            assert snakemake(folder, "--unlock").wait() == 0
            if killer.chance.random() < 0.5:
                continue  # too early: orphans still hold their folders, and new jobs there refuse
        else:
            text = console.read_text()[said:]
            assert "Killed" in text or "another run is working here" in text, text
        while orphans(folder):
            time.sleep(0.2)


def steps_begun_with(folder: Path) -> dict[str, list[int]]:
    """The steps that the attempts at each distillation and each shard of a pool began with."""
    (work,) = (folder / "work").iterdir()  # one scale
    return {
        str(log.parent.relative_to(work)): [
            int(step) for step in re.findall(r"(\d+)/\d+ steps \[00:00<\?", log.read_text())
        ]
        for log in work.rglob("attempts.log")
    }


@pytest.fixture(params=[SHORT, "scale: demo"], ids=["short", "whole_demo"])
def overlay(request):
    return request.param


@pytest.fixture
def make(tmp_path, overlay):
    def run(name):
        folder = checkout(tmp_path / name)
        (folder / "kills.yaml").write_text(overlay)
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
        elif not {"logs", "benchmarks", "pages"} & set(file.parts) and file.suffix != ".pdf":  # which tells the time
            ours, theirs = (HOURS.sub(b"", path.read_bytes()) for path in (ours, theirs))
            assert ours == theirs, file


def test_killed_twenty_times_the_results_are_those_of_an_undisturbed_run(make, overlay):
    undisturbed, killed = make("undisturbed"), make("killed")
    process = snakemake(undisturbed)
    killer = Killer(*watch(process))
    assert process.returncode == 0, (undisturbed / "console.log").read_text()
    run_killed(killed, killer)
    assert killer.killed["snakemake"] == killer.killed.total() / 2 == KILLS / 2  # the run was not over before
    assert max(killer.under_way) == 2
    begun = steps_begun_with(killed)
    for pools in (True, False) if overlay == SHORT else (False,):  # the demo's pool is soon over
        assert ("pool" if pools else "distill") in killer.killed
        assert any(max(steps) > 0 for name, steps in begun.items() if name.startswith("pools/") == pools), begun
    assert all(steps == [0] for steps in steps_begun_with(undisturbed).values())
    assert "Traceback" not in (killed / "console.log").read_text()
    assert_same_results(killed, undisturbed)
    assert not list((killed / "work").rglob("*.safetensors"))
