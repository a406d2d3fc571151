"""`dd status`: how far jobs are, from what they write while they run."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from dd.runtime.status import statuses
from tests.conftest import ROOT
from tests.warm import Copy

SETTINGS = ("--net", "MLP", "--steps", 1, "--nets", 1, "--meta-steps", 100_000, "--validate-every", 50)


@pytest.fixture(scope="module")
def stopped(digits, tmp_path_factory):
    """The work folder of a distillation that was stopped, as SLURM started it."""
    folder = tmp_path_factory.mktemp("status")
    words = [
        "distill",
        "--data",
        digits,
        *SETTINGS,
        "--out",
        folder / "set.safetensors",
        "--work",
        folder / "work/mine/a",
    ]
    words += ["--validation-images", 100, "--real-batch", 64, "--checkpoint-seconds", 0]
    process = Copy("-m", "dd", *words, env=os.environ | {"SLURM_JOB_ID": "1234"})
    deadline = time.monotonic() + 120
    while not (folder / "work/mine/a/checkpoint.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    (folder / "stderr.log").write_text(process.communicate()[1])
    return folder / "work", process.pid


def test_a_long_job_says_early_how_long_it_will_take(stopped):
    work, _ = stopped
    said = (work.parent / "stderr.log").read_text()
    assert (
        len(
            re.findall(
                r"^\d+:\d\d:\d\d \(h:mm:ss\) left at the pace of the first meta-steps; memory so far", said, re.M
            )
        )
        == 1
    )


def test_a_job_tells_its_steps_accuracy_pace_and_place(stopped, dd):
    work, pid = stopped
    (job,) = statuses(work)
    done, total = job.step.removesuffix(" meta-steps").split(" of ")
    assert job.folder == "mine/a"
    assert 0 < int(done) < int(total) == 100_000
    assert 0 < job.accuracy < 100
    assert job.seconds_left > 0
    assert 0 <= job.age < 600
    assert job.where.startswith("SLURM job 1234 on ")
    assert job.where.endswith(f", process {pid}")
    shown = dd("status", work).stdout
    assert f"{done} of 100000 meta-steps" in shown
    assert f"{job.accuracy:.1f} %" in shown


def test_jobs_that_start_and_damaged_checkpoints_are_told(stopped, tmp_path):
    for name in ("starting", "damaged", "cut"):
        (tmp_path / name).mkdir()
    (tmp_path / "starting/lock").touch()
    (tmp_path / "damaged/checkpoint.safetensors").write_bytes(b"\xff" * 100)
    whole = (stopped[0] / "mine/a/checkpoint.safetensors").read_bytes()
    (tmp_path / "cut/checkpoint.safetensors").write_bytes(whole[:50])
    steps = {job.folder: job.step for job in statuses(tmp_path)}
    assert steps == {"cut": "unreadable", "damaged": "unreadable", "starting": "starting"}


def test_where_nothing_runs_it_says_so(dd, tmp_path):
    assert dd("status", tmp_path).stdout == f"{tmp_path}: no job is unfinished here\n"
    done = dd("status", tmp_path / "nowhere")
    assert done.returncode == 1
    assert "no such folder; name the one with the checkpoints of a run" in done.stderr


def test_it_goes_on_watching(stopped):
    command = [sys.executable, "-m", "dd", "status", str(stopped[0]), "--watch", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        seen = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGTERM)
    assert len([line for line in seen if "mine/a" in line]) == 2
