"""Killed, stopped and doubled runs of the real command on real digits."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from dd.runtime.errors import UserError
from dd.runtime.files import load_tensors
from tests.conftest import BEYOND, ROOT, TINY_DISTILL
from tests.warm import Copy, run_module

STEPS = 40
PATIENCE = 600
"""Seconds after which a run hangs; on a busy machine one of seconds takes minutes."""


TRACED = ("-c", "import dd.runtime.trace as t; t.REPEATS = 20; from dd.__main__ import run; run()")
"""The command, which traces its steps from the sixth meta-step on in place of some hundred."""


def distillation(digits, folder, *more):
    """The words of the command."""
    return [
        *("distill", "--data", digits, "--work", folder / "work"),
        *("--out", folder / "set.safetensors", "--history", folder / "history.csv"),
        *("--snapshots", folder / "snapshots.safetensors"),
        *("--meta-steps", STEPS, "--checkpoint-seconds", 0, *TINY_DISTILL, *more),
    ]


def start(words, program=("-m", "dd"), env=None):
    """A process of its own, which can be killed."""
    return Copy(*program, *words, env=env)


def start_from_nothing(words, program=("-m", "dd")):
    """The same as a user starts it, with another seed for the order of sets in Python."""
    command, pipe = [sys.executable, *program, *map(str, words)], subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stderr=pipe, text=True, env=os.environ | {"PYTHONHASHSEED": "7"})


def finish(process):
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, errors


def complete(words):
    """Run the command undisturbed to its end, without the seconds that a process of its own takes to start."""
    done = run_module("dd", *words, folder=ROOT)
    return done.returncode, done.stderr


def reached(folder):
    """The meta-step of the newest checkpoint, 0 where there is none."""
    try:
        return load_tensors(folder / "work" / "checkpoint.safetensors")[1]["state"]["trainer"]["meta_step"]
    except UserError:  # none yet, or just being replaced
        return 0


def wait_until_step(process, folder, step, reached=reached):
    deadline = time.monotonic() + PATIENCE
    while reached(folder) < step:
        assert process.poll() is None, finish(process)
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(scope="module")
def undisturbed(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    code, errors = complete(distillation(digits, folder))
    assert code == 0, errors
    return folder


def assert_same(folder, undisturbed):
    for name in ("set.safetensors", "snapshots.safetensors"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()
    ours, theirs = (pd.read_csv(f / "history.csv").drop(columns="seconds") for f in (folder, undisturbed))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_killed_at_random_moments_ends_bit_identical(digits, tmp_path, undisturbed):
    """And traced: each restart begins untraced, as the undisturbed run is to its end."""
    chance = random.Random(0)
    for step in (1, 8, 16, 26):
        process = start(distillation(digits, tmp_path), TRACED)
        wait_until_step(process, tmp_path, step)
        time.sleep(chance.uniform(0, 0.1))
        assert process.poll() is None, "it was done before it could be killed"
        process.kill()
        finish(process)
    assert reached(tmp_path) >= 26
    code, errors = finish(start_from_nothing(distillation(digits, tmp_path), TRACED))
    assert code == 0, errors
    assert_same(tmp_path, undisturbed)
    assert not list((tmp_path / "work").glob("*.safetensors"))


def test_killed_beyond_the_paper_ends_bit_identical(digits, tmp_path):
    more = [f"--{key.replace('_', '-')}" + ("" if value is True else f"={value}") for key, value in BEYOND.items()]
    code, errors = complete(distillation(digits, tmp_path / "undisturbed", *more))
    assert code == 0, errors
    process = start(distillation(digits, tmp_path / "killed", *more))
    wait_until_step(process, tmp_path / "killed", 12)
    process.kill()
    finish(process)
    assert 12 <= reached(tmp_path / "killed") < STEPS
    code, errors = complete(distillation(digits, tmp_path / "killed", *more))
    assert code == 0, errors
    assert_same(tmp_path / "killed", tmp_path / "undisturbed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_signal_saves_and_exits(digits, tmp_path, undisturbed, number):
    process = start_from_nothing(distillation(digits, tmp_path))
    wait_until_step(process, tmp_path, 5)
    process.send_signal(number)
    code, errors = finish(process)
    assert code == 143
    assert "run again to go on" in errors
    assert 5 <= reached(tmp_path) < STEPS
    code, errors = complete(distillation(digits, tmp_path))
    assert code == 0, errors
    assert_same(tmp_path, undisturbed)


def test_other_settings_do_not_resume(digits, tmp_path):
    first = start(distillation(digits, tmp_path))
    wait_until_step(first, tmp_path, 1)
    first.kill()
    finish(first)
    code, errors = complete(distillation(digits, tmp_path, "--meta-lr", 0.03))
    assert code == 1
    assert "meta_lr was 0.02, is 0.03" in errors
    assert "Traceback" not in errors


def pool(digits, folder, *more):
    """The words of the command."""
    return [
        *("pool", "train", "--data", digits, "--out", folder / "shard.safetensors"),
        *("--work", folder / "work", "--total", 2, "--epochs", 4, "--batch", 64, "--checkpoint-seconds", 0, *more),
    ]


def pool_reached(folder):
    try:
        return load_tensors(folder / "work" / "checkpoint.safetensors")[1]["state"]["done"]
    except UserError:  # none yet, or just being replaced
        return 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda s: s.name)
def test_a_shard_of_a_pool_goes_on_bit_identical(digits, tmp_path, number):
    code, errors = complete(pool(digits, tmp_path / "undisturbed"))
    assert code == 0, errors
    process = start(pool(digits, tmp_path / "disturbed"))
    wait_until_step(process, tmp_path / "disturbed", 5, pool_reached)
    process.send_signal(number)
    code, errors = finish(process)
    assert code == (-9 if number == signal.SIGKILL else 143)
    assert not (tmp_path / "disturbed/shard.safetensors").exists()
    code, errors = complete(pool(digits, tmp_path / "disturbed", "--lr", 0.1))
    assert code == 1
    assert "lr was 0.0002, is 0.1" in errors
    code, errors = complete(pool(digits, tmp_path / "disturbed"))
    assert code == 0, errors
    ours, theirs = (tmp_path / name / "shard.safetensors" for name in ("disturbed", "undisturbed"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert not list((tmp_path / "disturbed/work").glob("*.safetensors"))


COMMANDS = {"distill": (distillation, reached, "set.safetensors"), "pool": (pool, pool_reached, "shard.safetensors")}
"""What makes checkpoints: its words, how far it is, what it writes."""


@pytest.mark.parametrize("command", COMMANDS)
def test_a_second_run_on_the_same_folder_refuses(digits, tmp_path, command):
    words, at, _ = COMMANDS[command]
    first = start(words(digits, tmp_path))
    wait_until_step(first, tmp_path, 1, at)
    first.send_signal(signal.SIGSTOP)
    code, errors = complete(words(digits, tmp_path))
    first.kill()
    finish(first)
    assert code == 1
    assert errors.splitlines() == [f"error: {tmp_path / 'work'}: another run is working here; wait for it or stop it"]


@pytest.fixture(scope="module")
def whole(digits, tmp_path_factory):
    """What each command writes when nobody disturbs it."""
    made = {}
    for name, (words, _, result) in COMMANDS.items():
        folder = tmp_path_factory.mktemp(name)
        code, errors = complete(words(digits, folder))
        assert code == 0, errors
        made[name] = (folder / result).read_bytes()
    return made


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(digits, tmp_path, whole, command, damage):
    words, at, result = COMMANDS[command]
    process = start(words(digits, tmp_path))
    wait_until_step(process, tmp_path, 5, at)
    process.kill()
    finish(process)
    path = tmp_path / "work" / "checkpoint.safetensors"
    content, chance = bytearray(path.read_bytes()), random.Random(command + damage)
    place = chance.randrange(len(content))
    if damage == "flipped":
        content[place] ^= 1 << chance.randrange(8)
    path.write_bytes({"cut": content[:place], "flipped": content, "empty": b""}[damage])
    code, errors = complete(words(digits, tmp_path))
    assert code == 0, errors
    assert f"warning: {path}: " in errors
    assert "trying the one before" in errors
    assert (tmp_path / result).read_bytes() == whole[command]
