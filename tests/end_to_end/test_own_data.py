"""Images of other sizes and colours, any number of unequal classes: from a folder to accuracies on several nets."""

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import TINY_DISTILL
from tests.warm import run_python


@pytest.mark.parametrize(
    ("counts", "size", "gray", "net"),
    [
        ([40, 25], 12, True, "tests.conftest:Normed"),
        ([9, 60, 30, 14, 5], 20, False, "AlexCifarNet"),
        ([12] * 23, 28, False, "LeNet"),
        ([40, 8, 30], 9, False, "ConvNet3"),
    ],
    ids=["two gray classes", "five unequal classes in colour", "23 classes", "odd size"],
)
def test_any_folder_of_images(dd, tmp_path, counts, size, gray, net):
    random = np.random.default_rng(0)
    for label, count in enumerate(counts):
        (tmp_path / f"pictures/class {label:02}").mkdir(parents=True)
        for number in range(count):
            height, width = random.integers(size // 2, 3 * size, size=2)
            noise = random.integers(0, 100, size=(height, width, 3)) + 6 * label
            file = tmp_path / f"pictures/class {label:02}/{number}.{'png' if number % 2 else 'jpg'}"
            Image.fromarray(noise.astype(np.uint8)).convert("L" if number % 3 else "RGB").save(file)
    data, out = tmp_path / "own.npz", tmp_path / "set.safetensors"
    prepare = ("data", "prepare", "own", "--folder", tmp_path / "pictures", "--size", size, *["--gray"] * gray)
    done = dd(*prepare, "--out", data)
    assert f"{len(counts)} classes" in done.stdout, done.stderr
    made = ("--out", out, "--history", tmp_path / "history.csv", "--meta-steps", 2)
    few = (*TINY_DISTILL, "--real-batch=16", "--validation-images=10", f"--net={net}")
    done = dd("distill", "--data", data, *made, *few)
    assert done.returncode == 0, done.stderr
    assert ("BatchNorm2d uses stored statistics" in done.stderr) == net.endswith(":Normed")
    which = ("--net", net, "--net", "MLP", "--protocol", "native", "--nets", 1)
    done = dd("evaluate", "--set", out, "--data", data, *which, "--out", tmp_path / "accuracy.csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "accuracy.csv")
    assert set(table["net"]) == {net, "MLP"}
    assert table["accuracy"].between(0, 100).all()
    assert set(table["test_images"]) == {pd.read_json(data.with_suffix(".json"), typ="series")["test"]}


OWN_NETS = """
import torch
from torch import nn


class Recurrent(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.rows, self.out = nn.LSTM(size, 8, batch_first=True), nn.Linear(8, classes)

    def forward(self, x):
        return self.out(self.rows(x.squeeze(1))[1][0][0])


class Attentive(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.rows = nn.Linear(size, 8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.out = nn.Linear(8, classes)

    def forward(self, x):
        return self.out(self.encoder(self.rows(x.squeeze(1))).mean(1))


class Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        return grad


class Once(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.out = nn.Linear(channels * size * size, classes)

    def forward(self, x):
        return Cut.apply(self.out(x.flatten(1)))
"""


@pytest.mark.parametrize("net", ["Recurrent", "Attentive", "Once"])
def test_nets_that_pytorch_differentiates_in_one_way_alone_or_in_none(digits, tmp_path, net):
    (tmp_path / "own_nets.py").write_text(OWN_NETS)
    out = ("--out", tmp_path / "set.safetensors", "--history", tmp_path / "history.csv", "--meta-steps", 2)
    few = [word for word in TINY_DISTILL if word not in ("--init=fixed", "--nets=1")]
    settings = (*few, "--nets=2", "--validation-nets=2", f"--net=own_nets:{net}")
    words = ("-m", "dd", "distill", "--data", digits, *out, *settings)
    done = run_python(*words, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    if net == "Once":
        said = "error: net own_nets:Once: PyTorch has no second derivative of some of its operations ("
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
        assert "Traceback" not in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "set.safetensors").exists()
