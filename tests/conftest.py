"""Small nets and data for tests, in double precision where gradients are compared."""

import copy
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from filelock import FileLock
from hypothesis import HealthCheck, settings
from snakemake.utils import update_config
from torch import nn

from dd.data.obtain import prepare
from dd.nets.lenet import LeNet
from tests.warm import ROOT, Copy, run_module

# on tensors this small threads only wait for each other, and for minutes where tests run side by side
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
settings.register_profile("default", max_examples=25, derandomize=True, database=None, **COMMON)
settings.register_profile("long", max_examples=100, **COMMON)  # --hypothesis-profile=long: others every time
settings.load_profile("default")


class TinyNet(nn.Module):
    """A convolution, a pool and a linear layer on 8x8 images: every kind of operation LeNet has, and fast."""

    def __init__(self, channels: int = 1, size: int = 8, classes: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.out = nn.Linear(4 * (size // 2) ** 2, classes)

    def forward(self, x):
        return self.out(torch.tanh(nn.functional.max_pool2d(self.conv(x), 2)).flatten(1))


class Normed(TinyNet):
    """One with a layer that works differently in training mode."""

    def __init__(self, channels: int, size: int, classes: int):
        super().__init__(channels, size, classes)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return super().forward(self.norm(x))


class Unstacked(LeNet):
    """One derived from a net that stacks, which may have another forward and so does not."""


@pytest.fixture
def tiny_net():
    return TinyNet().double()


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    """The prepared digits."""
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    prepare("digits", path)
    return path


@pytest.fixture(scope="session")
def mirror() -> Path:
    """A folder of real datasets, named by DD_DATA_MIRROR."""
    if not (folder := os.environ.get("DD_DATA_MIRROR")):
        pytest.skip("DD_DATA_MIRROR is not set to a folder with mnist.npz")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def dd():
    """Run `python -m dd ...` as a user would; returns the finished process with its output as text.

    With an `env` or limits set by `preexec_fn`, Python starts anew. Otherwise it is a copy of a process that has
    PyTorch, which saves seconds.
    """

    def run(*arguments, env=None, preexec_fn=None) -> subprocess.CompletedProcess:
        words = [*map(str, arguments)]
        if env is None and preexec_fn is None:
            return run_module("dd", *words, folder=ROOT)
        command = [sys.executable, "-m", "dd", *words]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, env=env, preexec_fn=preexec_fn
        )

    return run


@pytest.fixture
def worker_in_copy(monkeypatch):
    """The `Worker` of benchmarks/run.py, in a copy, which starts sooner."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    run = importlib.import_module("run")

    class WorkerInCopy(run.Worker):
        def __init__(self, **options):
            self.process = Copy(run.HERE / "worker.py", json.dumps(options))

    yield WorkerInCopy
    sys.modules.pop("run", None)


def own_code(folder: Path) -> None:
    """Put a copy of dd in the place of the link to it."""
    (folder / "dd").unlink()
    shutil.copytree(ROOT / "dd", folder / "dd", ignore=shutil.ignore_patterns("__pycache__"))


def checkout(folder: Path, *, linked: bool = False) -> Path:
    """What the workflow needs, copied to `folder`, so that a run or a change there touches nothing here.

    With `linked`, for tests that change no code, dd is a link to ours, which copies (`tests.warm`) have imported.
    Nothing may be written below it, unless `own_code` has put a copy in its place.
    """
    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "dd").symlink_to(ROOT / "dd")
    if not linked:
        own_code(folder)
    for name in ("Snakefile", "config.yaml", "environment.yml"):
        shutil.copy2(ROOT / name, folder / name)
    return folder


def made_once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, once for all processes in which tests run side by side."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, done = shared / name, shared / f"{name}.done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


TINY_DISTILL = [
    "--init=fixed",
    "--steps=2",
    "--epochs=2",
    "--nets=1",
    "--real-batch=64",
    "--validation-images=100",
    "--validate-every=5",
    "--threads=1",
]
"""A distillation of seconds; add --meta-steps."""

BEYOND = {"soft_labels": True, "shuffle_steps": True, "momentum": 0.5, "start": "real"}
"""Every setting that goes beyond the paper."""


def load_yaml(path: Path) -> dict:
    """The keys and values of a config file."""
    return yaml.safe_load(path.read_text())


def merged(config: dict, overlay: dict) -> dict:
    """A config with an overlay, as Snakemake merges them."""
    result = copy.deepcopy(config)
    update_config(result, overlay)
    return result
