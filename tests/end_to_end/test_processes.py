"""Several processes at one distillation: the same result as one, and clear words when one of them dies."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import dd as package
from dd.runtime.process_group import leads, split, started_as
from tests.conftest import ROOT
from tests.end_to_end.test_resume import complete, distillation, finish, reached, start, wait_until_step

NETS = ("--init=random", "--nets=4", "--validation-nets=3")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "dd")


def children(process):
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def stopped_children(process):
    """Its children, asked for while it stands still, lest it end meanwhile."""
    process.send_signal(signal.SIGSTOP)
    found = children(process)
    process.send_signal(signal.SIGCONT)
    return found


def assert_close(first, second):
    """That two folders hold the same set, but for the order in which numbers were added."""
    one, two = (package.load(folder / "set.safetensors") for folder in (first, second))
    torch.testing.assert_close(two.images, one.images, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(two.lrs, one.lrs, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(two.labels, one.labels, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("workers", "units", "processes"), [(1, 4, 1), (2, 4, 2), (3, 4, 2), (4, 4, 4), (16, 4, 4), (2, 1, 1), (3, 200, 3)]
)
def test_processes_that_help(workers, units, processes):
    assert split(workers, units) == processes


def ends(pid):
    subprocess.run(["timeout", "60", "tail", f"--pid={pid}", "-f", "/dev/null"], check=True)


def test_two_processes_give_the_result_of_one(digits, tmp_path):
    steps = ("--meta-steps=5", "--soft-labels", "--shuffle-steps", *NETS)  # few, as rounding errors grow with them
    for threads, others in ((1, 0), (2, 1)):
        process = start(distillation(digits, tmp_path / str(threads), *steps, f"--threads={threads}"))
        wait_until_step(process, tmp_path / str(threads), 1)
        assert len(stopped_children(process)) == others
        code, errors = finish(process)
        assert code == 0, errors
    assert_close(tmp_path / "1", tmp_path / "2")
    histories = [pd.read_csv(tmp_path / str(threads) / "history.csv").drop(columns="seconds") for threads in (1, 2)]
    pd.testing.assert_frame_equal(*histories, rtol=1e-2)


def test_two_processes_share_an_evaluation(digits, tmp_path, dd):
    code, errors = complete(distillation(digits, tmp_path, "--meta-steps=1", *NETS))
    assert code == 0, errors
    for threads in (1, 2):
        arguments = ("--set", tmp_path / "set.safetensors", "--data", digits, "--nets", 5, "--threads", threads)
        assert dd("evaluate", *arguments, "--out", tmp_path / f"{threads}.csv").returncode == 0
    assert (tmp_path / "1.csv").read_text() == (tmp_path / "2.csv").read_text()


@pytest.fixture(scope="module")
def undisturbed(digits, tmp_path_factory):
    """Ten meta-steps of one process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    code, errors = complete(distillation(digits, folder, *NETS, "--meta-steps=10"))
    assert code == 0, errors
    return folder


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)], ids=["two, then one", "one, then two"])
def test_a_checkpoint_goes_on_with_another_number_of_processes(digits, tmp_path, undisturbed, before, after):
    process = start(distillation(digits, tmp_path, *NETS, "--meta-steps=10", f"--threads={before}"))
    wait_until_step(process, tmp_path, 3)
    assert len(stopped_children(process)) == before - 1
    process.send_signal(signal.SIGTERM)
    code, errors = finish(process)
    assert code == 143
    assert "run again to go on" in errors
    at = reached(tmp_path)
    process = start(distillation(digits, tmp_path, *NETS, "--meta-steps=10", f"--threads={after}"))
    wait_until_step(process, tmp_path, at + 1)
    assert len(stopped_children(process)) == after - 1
    code, errors = finish(process)
    assert code == 0, errors
    assert f"{at}/10 steps [00:00<" in errors
    assert_close(undisturbed, tmp_path)


def test_torchrun_gives_the_result_of_one_process(digits, tmp_path):
    steps = ("--meta-steps=3", "--validate-every=3", *NETS)
    for name, program in (("one", ("-m", "dd")), ("two", TORCHRUN)):
        code, errors = finish(start(distillation(digits, tmp_path / name, *steps), program=program))
        assert code == 0, errors
    assert_close(tmp_path / "one", tmp_path / "two")


def test_a_dead_process_of_torchrun_ends_the_job(digits, tmp_path):
    process = start(distillation(digits, tmp_path, *NETS), program=TORCHRUN)
    wait_until_step(process, tmp_path, 5)
    first, second = children(process)
    os.kill(second, signal.SIGKILL)
    code, errors = finish(process)
    assert code == 1
    assert "Signal 9 (SIGKILL)" in errors  # torchrun's own words
    ends(first)
    assert reached(tmp_path) >= 5
    assert not (tmp_path / "set.safetensors").exists()


def test_a_dead_process_ends_the_job_with_a_clear_message(digits, tmp_path):
    process = start(distillation(digits, tmp_path, *NETS, "--threads=2"))
    wait_until_step(process, tmp_path, 5)
    (other,) = children(process)
    os.kill(other, signal.SIGKILL)
    code, errors = finish(process)
    assert code == 1
    assert "error: process 2 of 2 was killed (by the system if memory ran out); run again to go on" in errors
    assert "Traceback" not in errors
    assert reached(tmp_path) >= 5


def test_the_others_end_when_the_first_is_killed(digits, tmp_path):
    process = start(distillation(digits, tmp_path, *NETS, "--threads=2"))
    wait_until_step(process, tmp_path, 1)
    (other,) = children(process)
    process.kill()
    finish(process)
    ends(other)


def test_the_others_end_when_the_first_is_killed_in_an_evaluation(digits, tmp_path):
    code, errors = complete(distillation(digits, tmp_path, "--meta-steps=1", *NETS))
    assert code == 0, errors
    command = [sys.executable, "-m", "dd", "evaluate", "--set", tmp_path / "set.safetensors", "--data", digits]
    command += ["--nets", "100000", "--threads", "2", "--out", tmp_path / "metrics.csv"]
    with subprocess.Popen([str(word) for word in command], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while "0/" not in (bar := process.stderr.readline(100)):  # its bar comes once all are there
            assert bar, "ended before it began"
        (other,) = children(process)
        process.kill()
    ends(other)


def test_a_process_that_never_comes_ends_the_job_with_a_clear_message(digits, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os\nif os.environ.get('RANK') == '1': os._exit(3)\n")
    process = start(
        distillation(digits, tmp_path, *NETS, "--threads=2"), env=os.environ | {"PYTHONPATH": str(tmp_path)}
    )
    code, errors = finish(process)
    assert code == 1
    assert "error: process 2 of 2 ended early (exit code 3); run again to go on" in errors
    assert "Traceback" not in errors


def test_processes_that_would_go_on_from_different_steps_say_so(digits, tmp_path):
    """As where each machine has a work folder of its own."""
    process = start(distillation(digits, tmp_path / "0", *NETS))
    wait_until_step(process, tmp_path / "0", 3)
    process.kill()
    process.wait()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    joined = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [
        start(distillation(digits, tmp_path / str(rank), *NETS), env=joined | {"RANK": str(rank)}) for rank in range(2)
    ]
    for process in both:
        code, errors = finish(process)
        assert code == 1, errors
        assert "go on from different meta-steps; give all of them one --work folder" in errors


def test_half_of_a_launcher_is_none(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert (leads(), started_as()) == (True, (0, 0))
    monkeypatch.setenv("RANK", "3")
    assert (leads(), started_as()) == (False, (3, 8))
