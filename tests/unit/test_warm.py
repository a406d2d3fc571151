"""Commands that start as copies of a process with PyTorch do what commands from nothing do, and end with who asked."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from dd.runtime.warm import ADDRESS, WarmProcess
from tests.conftest import ROOT, checkout

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies of a process are for Linux")
DD = [sys.executable, "-m", "dd"]
PATIENCE = 600
"""Seconds after which a run hangs; on a busy machine one of seconds takes minutes."""


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


def seconds_of_processor(*words, **env):
    before = os.times().children_user
    assert run(*words, **env).returncode == 0
    return os.times().children_user - before


def test_copies_start_in_less_time_than_pytorch_needs(waiting):
    asked = seconds_of_processor("show", "mnist_random", **{ADDRESS: waiting.address})
    assert asked < seconds_of_processor("show", "mnist_random") / 2


def test_copies_keep_to_their_threads_and_draw_their_own_numbers(waiting, tmp_path):
    (tmp_path / "told.py").write_text(
        "import numpy, sklearn.cluster, threadpoolctl, torch\n"
        "print(torch.get_num_threads(), {each['num_threads'] for each in threadpoolctl.threadpool_info()})\n"
        "print(numpy.random.rand())\n"
    )
    told = []
    for threads in ("1", "2", "2"):
        env = os.environ | {"OMP_NUM_THREADS": f"{threads},1"}
        told.append(waiting.run("told", [], folder=tmp_path, env=env).stdout.splitlines())
    assert [lines[0] for lines in told] == ["1 {1}", "2 {2}", "2 {2}"]
    assert len({lines[1] for lines in told}) == 3


def test_another_checkout_runs_its_own_code(waiting, tmp_path):
    copy = checkout(tmp_path)
    show = copy / "dd/commands/show.py"
    show.write_text(show.read_text().replace("    from dd", '    click.echo("of another checkout")\n    from dd', 1))
    words = ("show", ROOT / "results/published/laptop/distill/mnist_random/set.safetensors")
    done = run(*words, cwd=copy, **{ADDRESS: waiting.address})
    assert "of another checkout" in done.stdout
    assert done.stdout == run(*words, cwd=copy).stdout
    assert "of another checkout" not in run("show", "mnist_random", **{ADDRESS: waiting.address}).stdout


def ended(processes):
    """Whether all have ended, after some time; one that nobody waits for may be left as a zombie."""
    deadline = time.monotonic() + PATIENCE
    while [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_copy_ends_when_the_one_who_asked_is_killed(waiting, digits, tmp_path):
    words = ("pool", "train", "--data", str(digits), "--epochs", "5000", "--out", str(tmp_path / "nets.safetensors"))
    asked = subprocess.Popen([*DD, *words], cwd=ROOT, env=os.environ | {ADDRESS: waiting.address})
    server = psutil.Process(waiting.process.pid)
    deadline = time.monotonic() + PATIENCE
    while len(server.children(recursive=True)) < 2:  # the copy and who attends to it
        assert time.monotonic() < deadline
        time.sleep(0.05)
    copies = server.children(recursive=True)
    asked.kill()
    asked.wait()
    assert ended(copies)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_a_copy_as_it_ends_the_command(waiting, digits, tmp_path, number):
    out = tmp_path / "nets.safetensors"
    words = ("pool", "train", "--data", digits, "--epochs", 5000, "--out", out, "--checkpoint-seconds", 0)
    command, environment = [*DD, *map(str, words)], os.environ | {ADDRESS: waiting.address}
    asked = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while not list(tmp_path.rglob("checkpoint.safetensors")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    asked.send_signal(number)
    _, errors = asked.communicate(timeout=PATIENCE)
    assert asked.returncode == 143
    assert "run again to go on" in errors
    assert "Traceback" not in errors


def test_the_other_command_ends_in_its_own_time_after_a_signal():
    program = "trap 'sleep 1; echo interrupted' INT; trap 'sleep 1; echo saved; exit 5' TERM; echo ready; "
    command = [*DD, "warm", "bash", "-c", f"{program} while :; do sleep 0.1; done"]
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert started.stdout.readline() == "ready\n"
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    assert started.stdout.readline() == "interrupted\n"
    started.send_signal(signal.SIGTERM)
    output, _ = started.communicate(timeout=PATIENCE)
    assert (output, started.returncode) == ("saved\n", 5)


def test_the_process_ends_when_its_parent_does():
    program = "import os; from dd.runtime.warm import WarmProcess as W; print(W().process.pid, flush=True); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    pid, deadline = int(done.stdout), time.monotonic() + PATIENCE
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_command_runs_another_one_with_its_words_and_returns_its_status(waiting):
    program = f"echo $0 $*; test -S ${{DD_WARM%:*}} && {sys.executable} -m dd show mnist_random; exit 3"
    done = run("warm", "sh", "-c", program, "--help", "--", "one")
    assert done.returncode == 3
    assert done.stdout == "--help -- one\n" + run("show", "mnist_random", **{ADDRESS: waiting.address}).stdout


@pytest.mark.parametrize("words", [("distill", "--help"), ("@words.txt",)])
def test_distillations_start_from_nothing_so_that_snakemake_measures_them(words, tmp_path):
    """Nobody is asked: not even one who would listen."""
    (tmp_path / "words.txt").write_text("distill --help")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/socket")
        listener.listen()
        listener.setblocking(False)
        done = run(*words, cwd=tmp_path, **{ADDRESS: f"{tmp_path}/socket:{sys.executable}", "PYTHONPATH": str(ROOT)})
        assert "distil" in done.stdout
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_where_nobody_listens_any_more_commands_start_from_nothing(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/socket")  # which stays there
    done = run("baseline", "--help", **{ADDRESS: f"{tmp_path}/socket:{sys.executable}"})
    assert done.returncode == 0, done.stderr
    assert "k_means" in done.stdout


@pytest.mark.parametrize("address", ["/nowhere/socket:{}", "{}", "/nowhere/socket", "/nowhere/socket:/other/python"])
def test_without_a_process_that_answers_commands_start_from_nothing(address):
    done = run("baseline", "--help", **{ADDRESS: address.format(sys.executable)})
    assert done.returncode == 0
    assert "k_means" in done.stdout


def test_a_copy_that_is_killed_is_told(waiting, digits, tmp_path):
    words = ("pool", "train", "--data", str(digits), "--epochs", "5000", "--out", str(tmp_path / "nets.safetensors"))
    asked = subprocess.Popen(
        [*DD, *words], cwd=ROOT, env=os.environ | {ADDRESS: waiting.address}, stderr=subprocess.PIPE, text=True
    )
    server, deadline = psutil.Process(waiting.process.pid), time.monotonic() + PATIENCE
    while len(server.children(recursive=True)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    attendant, copy = sorted(server.children(recursive=True), key=lambda each: each.ppid() != server.pid)
    attendant.kill()
    _, errors = asked.communicate(timeout=PATIENCE)  # which ends when the copy has
    assert asked.returncode == 1
    assert ended([copy])
    assert "error: the process that ran this command was killed; run it again\n" in errors


def test_a_command_that_is_none_is_named_in_a_line():
    done = run("warm", "snakemaek")
    assert done.returncode == 1
    assert done.stderr == "error: snakemaek: no such command\n"


def test_the_benchmark_runs():
    command = [sys.executable, ROOT / "benchmarks/warm.py", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.fullmatch(r"from nothing [\d.]+ s, as a copy [\d.]+ s: [\d.]+ times as fast\n", done.stdout), done.stderr
