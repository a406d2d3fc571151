"""A disk that is full while a checkpoint or a result is written: a small file system of its own (needs root)."""

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.test_resume import COMMANDS, complete, finish, start, wait_until_step, whole  # noqa: F401 (a fixture)

SIZE = "8M"


@pytest.fixture(params=["ext4 on a loop device", "tmpfs"])
def disk(request, tmp_path):
    """The folder of an empty file system of `SIZE`."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder]
    if request.param != "tmpfs":
        subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", tmp_path / "image", SIZE], check=True)
        mount = ["mount", "-o", "loop", tmp_path / "image", folder]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount {request.param} here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path, leave: int = 0) -> None:
    """Take all space there is on `disk` but `leave` bytes."""
    with (disk / "filler").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        if leave:
            file.truncate(file.tell() - leave)


def only_line(errors: str) -> str:
    """The one line that says what is wrong."""
    assert "Traceback" not in errors
    (line,) = [line for line in errors.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_while_a_checkpoint_is_written(digits, disk, tmp_path, whole, command):  # noqa: F811
    words, at, result = COMMANDS[command]
    work = ("--work", disk / "work")
    process = start(words(digits, tmp_path, *work))
    wait_until_step(process, disk, 5, at)
    while process.poll() is None:  # it frees what it could not write whole
        fill(disk)
        time.sleep(0.01)
    code, errors = finish(process)
    assert code == 1
    assert only_line(errors).startswith(f"error: {disk / 'work'}")
    assert "No space left on device" in only_line(errors)
    assert "free some space or choose another folder" in only_line(errors)
    reached = at(disk)
    assert reached >= 5
    code, errors = complete(words(digits, tmp_path, *work))
    assert code == 1, "still full"
    (disk / "filler").unlink()
    code, errors = complete(words(digits, tmp_path, *work))
    assert code == 0, errors
    assert f"{reached}/" in errors
    assert (tmp_path / result).read_bytes() == whole[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_while_a_result_is_written(digits, disk, tmp_path, whole, command):  # noqa: F811
    words, _, result = COMMANDS[command]
    fill(disk, leave=64 * 1024)  # room for a history, but not for the result
    code, errors = complete(words(digits, tmp_path, "--out", disk / result))
    assert code == 1
    assert only_line(errors).startswith(f"error: {disk / result}: cannot write (")
    assert "No space left on device" in only_line(errors)
    assert {path.name for path in disk.iterdir()} - {"lost+found"} == {"filler"}
    (disk / "filler").unlink()
    code, errors = complete(words(digits, tmp_path, "--out", disk / result))
    assert code == 0, errors
    assert (disk / result).read_bytes() == whole[command]


@pytest.mark.parametrize("kind", ["npz", "csv", "png", "pt"])
def test_while_other_results_are_written(dd, digits, disk, tmp_path, kind):
    code, errors = complete(COMMANDS["distill"][0](digits, tmp_path, "--meta-steps", 1))
    assert code == 0, errors
    made, metrics = tmp_path / "set.safetensors", tmp_path / "metrics.csv"
    evaluation = ("evaluate", "--set", made, "--data", digits)
    assert dd(*evaluation, "--out", metrics).returncode == 0
    arguments = {
        "npz": ("data", "prepare", "digits"),
        "csv": evaluation,
        "png": ("figure", "--set", made, "--metrics", metrics),
        "pt": ("export", "--set", made),
    }[kind]
    out = disk / f"x.{kind}"
    fill(disk)
    done = dd(*arguments, "--out", out)
    assert done.returncode == 1
    assert only_line(done.stderr).startswith(f"error: {out}: cannot write (No space left on device)")
    assert {path.name for path in disk.iterdir()} - {"lost+found"} == {"filler"}
    (disk / "filler").unlink()
    assert dd(*arguments, "--out", out).returncode == 0
    assert out.exists()
