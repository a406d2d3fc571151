"""Commands that start as copies of a process with PyTorch do what commands from nothing do, and end with who asked."""

import os
import re
import subprocess
import sys
import time

import psutil
import pytest

from dd.runtime.warm import ADDRESS, WarmProcess
from tests.conftest import ROOT, checkout

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies of a process are for Linux")
DD = [sys.executable, "-m", "dd"]


@pytest.fixture(scope="module")
def waiting():
    process = WarmProcess()
    yield process
    process.stop()


def run(*words, cwd=ROOT, **env):
    command = [*DD, *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=os.environ | env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "words",
    [("show", "mnist_random"), ("nosuch",), ("show", "missing.safetensors"), ("baseline", "--help")],
    ids=lambda words: words[0],
)
def test_a_copy_says_and_returns_the_same(waiting, words):
    cold, copy = run(*words), run(*words, **{ADDRESS: waiting.address})
    assert (copy.returncode, copy.stdout, copy.stderr) == (cold.returncode, cold.stdout, cold.stderr)


def test_copies_start_in_less_time_than_pytorch_needs(waiting):
    started = time.process_time(), os.times().children_user
    assert run("show", "mnist_random", **{ADDRESS: waiting.address}).returncode == 0
    asked = os.times().children_user - started[1]
    started = os.times().children_user
    assert run("show", "mnist_random").returncode == 0
    assert asked < (os.times().children_user - started) / 2


def test_another_checkout_runs_its_own_code(waiting, tmp_path):
    copy = checkout(tmp_path)
    show = copy / "dd/commands/show.py"
    show.write_text(show.read_text().replace("    from dd", '    click.echo("of another checkout")\n    from dd', 1))
    words = ("show", ROOT / "results/published/laptop/distill/mnist_random/set.safetensors")
    done = run(*words, cwd=copy, **{ADDRESS: waiting.address})
    assert "of another checkout" in done.stdout
    assert done.stdout == run(*words, cwd=copy).stdout
    assert "of another checkout" not in run("show", "mnist_random", **{ADDRESS: waiting.address}).stdout


def test_a_copy_ends_when_the_one_who_asked_is_killed(waiting, digits, tmp_path):
    words = ("pool", "train", "--data", str(digits), "--epochs", "5000", "--out", str(tmp_path / "nets.safetensors"))
    asked = subprocess.Popen([*DD, *words], cwd=ROOT, env=os.environ | {ADDRESS: waiting.address})
    server = psutil.Process(waiting.process.pid)
    deadline = time.monotonic() + 60
    while len(server.children(recursive=True)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    copies = server.children(recursive=True)
    assert len(copies) == 2  # the copy and who attends to it
    asked.kill()
    asked.wait()
    psutil.wait_procs(copies, timeout=60)
    assert not [each for each in copies if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def test_the_process_ends_when_its_parent_does():
    program = "import os; from dd.runtime.warm import WarmProcess as W; print(W().process.pid, flush=True); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    pid, deadline = int(done.stdout), time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_command_runs_another_one_and_returns_its_status():
    program = f"test -S $DD_WARM && {sys.executable} -m dd show mnist_random; exit 3"
    done = run("warm", "sh", "-c", program)
    assert done.returncode == 3
    assert done.stdout == run("show", "mnist_random").stdout


def test_distillations_start_from_nothing_so_that_snakemake_measures_them(waiting):
    started = os.times().children_user
    assert run("distill", "--nosuch", **{ADDRESS: waiting.address}).returncode == 2
    asked = os.times().children_user - started
    started = os.times().children_user
    assert run("evaluate", "--nosuch", **{ADDRESS: waiting.address}).returncode == 2
    assert os.times().children_user - started < asked


def test_a_command_that_is_none_is_named_in_a_line():
    done = run("warm", "snakemaek")
    assert done.returncode == 1
    assert done.stderr == "error: snakemaek: no such command\n"


def test_the_benchmark_runs():
    command = [sys.executable, ROOT / "benchmarks/warm.py", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.fullmatch(r"from nothing [\d.]+ s, as a copy [\d.]+ s: [\d.]+ times as fast\n", done.stdout), done.stderr
