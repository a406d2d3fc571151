import contextlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dd.runtime import devices
from dd.runtime.checkpoints import PREVIOUS, Checkpoints
from dd.runtime.devices import device, slots
from dd.runtime.errors import UserError
from dd.runtime.files import atomic, load_tensors, save_tensors, write_text
from dd.runtime.seeds import derive, generator
from dd.runtime.status import NEWEST
from tests.conftest import ROOT
from tests.warm import Copy, run_python

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(7)}


def test_tensors_round_trip(tmp_path):
    save_tensors(tmp_path / "x.safetensors", TENSORS, {"name": "ü", "n": 1})
    tensors, values = load_tensors(tmp_path / "x.safetensors")
    assert values == {"name": "ü", "n": 1}
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_every_flipped_byte_and_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS, {"n": 1})
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        path.write_bytes(flipped)
        try:
            tensors, values = load_tensors(path)
        except UserError:
            continue
        # padding of the header may change without changing what is read
        assert values == {"n": 1}
        assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    for length in range(0, len(content), 11):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"x\.safetensors: (damaged|its contents)"):
            load_tensors(path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")

    def half():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_plain_file_is_never_replaced(tmp_path, make):
    make(tmp_path / "out")
    with pytest.raises(UserError, match="out: is not a plain file"):
        write_text(tmp_path / "out", "text")
    assert not (tmp_path / "out").is_file()
    assert [*tmp_path.iterdir()] == [tmp_path / "out"]


def test_a_name_too_long_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"cannot write \(File name too long\)"):
        write_text(tmp_path / ("n" * 300), "text")


def test_a_full_disk_is_one_clear_line(tmp_path):
    """A limit on file size makes the kernel refuse to write on, as a full disk does."""
    program = (
        "import resource, signal, torch; from dd.runtime.files import save_tensors; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        f"save_tensors({str(tmp_path / 'big.safetensors')!r}, {{'x': torch.zeros(100_000)}}, {{}})"
    )
    done = run_python("-c", program)
    assert "UserError" in done.stderr
    assert "cannot write" in done.stderr
    assert "free some space" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", [True, False], ids=["no source", "full disk"])
def test_a_copy_that_fails_names_the_file_at_fault(tmp_path, missing):
    source, out = tmp_path / "source", tmp_path / "out"
    program = (
        "import resource, shutil, signal; from dd.runtime.files import atomic; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"with atomic({str(out)!r}) as temporary: shutil.copyfile({str(source)!r}, temporary)"
    )
    if not missing:
        source.write_bytes(bytes(100_000))
    done = run_python("-c", program)
    expected = f"{source}: cannot read (No such file" if missing else f"{out}: cannot write (File too large); free"
    assert f"UserError: {expected}" in done.stderr
    assert not out.exists()


def checkpoints(folder, **identity):
    return Checkpoints(folder, {"meta_lr": 0.01} | identity)


def test_damaged_checkpoint_falls_back_to_the_one_before(tmp_path):
    store = checkpoints(tmp_path)
    assert store.load() is None
    for step in (1, 2):
        store.save(TENSORS, {"step": step})
    assert store.load()[1] == {"step": 2}
    newest = tmp_path / NEWEST
    newest.write_bytes(newest.read_bytes()[:-5])
    warnings = []
    assert store.load(warnings.append)[1] == {"step": 1}
    assert "trying the one before" in warnings[0]
    (tmp_path / PREVIOUS).write_bytes(b"")
    with pytest.raises(UserError, match="no checkpoint here can be read; delete the folder"):
        store.load(warnings.append)


@pytest.mark.parametrize("renames", range(4))
def test_a_kill_between_any_two_renames_leaves_a_whole_checkpoint(tmp_path, monkeypatch, renames):
    """Of a save's three renames, so many are done."""
    store, done, rename = checkpoints(tmp_path), [], Path.replace
    store.save(TENSORS, {"step": 1})

    def rename_or_die(path, target):
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(target)
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", rename_or_die)
    with pytest.raises(KeyboardInterrupt) if renames < 3 else contextlib.nullcontext():
        store.save(TENSORS, {"step": 2})
    monkeypatch.undo()
    assert checkpoints(tmp_path).load()[1] == {"step": 1 if renames < 2 else 2}
    store.save(TENSORS, {"step": 3})
    assert checkpoints(tmp_path).load()[1] == {"step": 3}


def test_checkpoint_of_other_settings_is_refused(tmp_path):
    checkpoints(tmp_path).save(TENSORS, {})
    with pytest.raises(UserError, match=r"meta_lr was 0\.01, is 0\.02.*or delete .* to start anew"):
        checkpoints(tmp_path, meta_lr=0.02).load()
    assert Checkpoints(tmp_path, {"meta_lr": 0.02}, force=True).load() is None


def test_checkpoints_go_when_the_run_has_succeeded(tmp_path):
    store = checkpoints(tmp_path)
    store.save(TENSORS, {})
    store.save(TENSORS, {})
    mine, cut_short = tmp_path / "set.safetensors", tmp_path / ".new.checkpoint.abc.safetensors"
    mine.touch()
    cut_short.touch()
    with store.locked():
        store.clear()
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize("mine", [True, False], ids=["no one else's", "with a log"])
def test_a_work_folder_goes_when_nothing_else_is_in_it(tmp_path, mine):
    folder = tmp_path / "work"
    with checkpoints(folder).locked():
        if not mine:
            (folder / "attempts.log").touch()
        checkpoints(folder).clear()
    assert [path.name for path in tmp_path.rglob("*")] == ([] if mine else ["work", "attempts.log"])


def test_a_lock_that_has_been_removed_is_no_lock(tmp_path):
    """One run ends, and removes its lock, after another has opened it; a third must not get in beside that."""
    with checkpoints(tmp_path).locked():
        (tmp_path / "log").touch()
        checkpoints(tmp_path).clear()
        with checkpoints(tmp_path).locked(), pytest.raises(UserError, match="another run is working here"):
            checkpoints(tmp_path).locked().__enter__()


def test_a_folder_has_one_run_and_kill_9_frees_it(tmp_path):
    program = (
        "import sys, time; from dd.runtime.checkpoints import Checkpoints\n"
        f"with Checkpoints({str(tmp_path)!r}, {{}}).locked(): print('held', flush=True); time.sleep(60)"
    )
    other = Copy("-c", program)
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another run is working here"), checkpoints(tmp_path).locked():
            pass
    finally:
        other.kill()
        other.communicate()
    with checkpoints(tmp_path).locked():
        pass


def test_gpu_slots_are_never_shared(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from dd.runtime.devices import slots\n"
        f"with slots(['0', '1'], 1, Path({str(tmp_path)!r}), 0.05) as mine:"
        " print(*mine, flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    jobs = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, text=True, **pipes) for _ in range(2)]
    first = {job.stdout.readline().strip() for job in jobs}
    assert first == {"0", "1"}
    for job in jobs:
        job.stdin.close()
    with slots(["0", "1"], 2, tmp_path, 0.05) as mine:  # waits for both jobs to end
        assert mine == ["0", "1"]
    for job in jobs:
        job.wait()
        job.stdout.close()


def test_devices(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "SLOTS", tmp_path / "slots")
    with device(0) as name:
        assert name == "cpu"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    with device(1) as name:
        assert name == "cuda"
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # of several jobs inside one of SLURM's, each takes its own
    with slots(["0", "1"], 1, tmp_path / "slots-SLURM_JOB_ID-1") as others, device(1):
        assert (others, os.environ["CUDA_VISIBLE_DEVICES"]) == (["0"], "1")
    with pytest.raises(UserError, match=r"2 GPU.*shows 1"), device(2):
        pass
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.delenv("SLURM_JOB_ID")
    with pytest.raises(UserError, match=r"2 GPU.*shows 1"), device(2):
        pass
    monkeypatch.setenv("RANK", "0")  # as some clusters set it; without WORLD_SIZE nobody shares work
    with pytest.raises(UserError, match=r"2 GPU.*shows 1"), device(2):
        pass
    with device(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"


def test_products_are_exact_whatever_the_environment():
    program = (
        "import torch; from dd.runtime.devices import exact_products as f; b = torch.backends\n"
        "show = lambda: print(b.cuda.matmul.allow_tf32, b.cudnn.allow_tf32)\n"
        "show(); f(); show()"
    )
    environment = os.environ | {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False", "False"]


def test_locks_of_gpus_are_never_put_behind_a_link(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (tmp_path / "slots").symlink_to(home)
    with pytest.raises(UserError, match="slots: is a link"), slots(["0"], 1, tmp_path / "slots"):
        pass
    assert home.stat().st_mode & 0o777 == 0o700
    with slots(["0"], 1, tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o777  # for all users


def test_seeds_are_streams():
    seeds = {derive(seed, stream, index) for seed in range(3) for stream in "ab" for index in range(5)}
    assert len(seeds) == 30
    assert derive(0, "a", 1) == derive(0, "a", 1)
    assert torch.equal(torch.randn(3, generator=generator(0, "x")), torch.randn(3, generator=generator(0, "x")))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's way of freeing memory")
def test_freed_memory_is_kept():
    """Blocks of 16 MiB, freed and taken again, cost no page faults."""
    program = (
        "import resource, torch\n"
        "from dd.runtime.memory import keep_freed_memory\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def churn():\n"
        "    before = faults()\n"
        "    for _ in range(20):\n"
        "        a, b = (torch.zeros(2**22) + 1 for _ in range(2)); del a, b\n"
        "    return faults() - before\n"
        "print(churn())\n"
        "keep_freed_memory()\n"
        "churn()\n"
        "print(churn())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 20
