"""Small nets and data for tests, in double precision where gradients are compared."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from dd.data.prepare import prepare
from dd.nets.lenet import LeNet

ROOT = Path(__file__).parents[1]


class TinyNet(nn.Module):
    """A convolution, a pool and a linear layer on 8x8 images: every kind of operation LeNet has, and fast."""

    def __init__(self, channels: int = 1, size: int = 8, classes: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.out = nn.Linear(4 * (size // 2) ** 2, classes)

    def forward(self, x):
        return self.out(torch.tanh(nn.functional.max_pool2d(self.conv(x), 2)).flatten(1))


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
    """Run `python -m dd ...` as a user would; returns the finished process with its output as text."""

    def run(*arguments, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "dd", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)

    return run


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
