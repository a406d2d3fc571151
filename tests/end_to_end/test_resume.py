"""Killed, stopped and doubled runs of the real command on real digits."""

import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tests.conftest import ROOT, TINY_DISTILL

STEPS = 60


def command(digits, folder, *more):
    return [
        *(sys.executable, "-m", "dd", "distill", "--data", digits, "--work", folder / "work"),
        *("--out", folder / "set.safetensors", "--history", folder / "history.csv"),
        *("--meta-steps", STEPS, "--checkpoint-seconds", 0, *TINY_DISTILL, *more),
    ]


def start(*arguments):
    return subprocess.Popen([str(a) for a in command(*arguments)], cwd=ROOT, stderr=subprocess.PIPE, text=True)


def finish(process):
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


@pytest.fixture(scope="module")
def undisturbed(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert finish(start(digits, folder))[0] == 0
    return folder


def assert_same(folder, undisturbed):
    assert (folder / "set.safetensors").read_bytes() == (undisturbed / "set.safetensors").read_bytes()
    ours, theirs = (pd.read_csv(f / "history.csv").drop(columns="seconds") for f in (folder, undisturbed))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_killed_at_random_moments_ends_bit_identical(digits, tmp_path, undisturbed):
    chance = random.Random(0)
    checkpoint = tmp_path / "work" / "checkpoint.safetensors"
    kills = 0
    while not (tmp_path / "set.safetensors").exists():
        process = start(digits, tmp_path)
        seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns > seen):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 1.5))
        if process.poll() is None and kills < 4:
            process.kill()
            kills += 1
        finish(process)
    assert kills >= 2
    assert_same(tmp_path, undisturbed)
    assert not list((tmp_path / "work").glob("*.safetensors"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_signal_saves_and_exits(digits, tmp_path, undisturbed, number):
    process = start(digits, tmp_path, "--checkpoint-seconds", 1000)
    while not (tmp_path / "work" / "lock").exists():
        time.sleep(0.01)
    time.sleep(1)
    process.send_signal(number)
    code, errors = finish(process)
    if code != 0:  # else it was done before the signal came
        assert code == 143
        assert "run again to go on" in errors
        assert (tmp_path / "work" / "checkpoint.safetensors").exists()
        assert finish(start(digits, tmp_path))[0] == 0
    assert_same(tmp_path, undisturbed)


def test_a_second_run_on_the_same_folder_refuses(digits, tmp_path):
    first = start(digits, tmp_path)
    while not (tmp_path / "work" / "checkpoint.safetensors").exists():
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)
    code, errors = finish(start(digits, tmp_path))
    first.kill()
    first.communicate()
    assert code == 1
    assert "error:" in errors
    assert "another run is working here" in errors


def test_other_settings_do_not_resume(digits, tmp_path):
    first = start(digits, tmp_path)
    while not (tmp_path / "work" / "checkpoint.safetensors").exists():
        time.sleep(0.01)
    first.kill()
    first.communicate()
    code, errors = finish(start(digits, tmp_path, "--meta-lr", 0.02))
    assert code == 1
    assert "meta_lr was 0.01, is 0.02" in errors
    assert "Traceback" not in errors
