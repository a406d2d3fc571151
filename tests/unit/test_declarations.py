"""One new file, and for a network one line, make a thing known: in a copy of the package."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from dd.data.datasets import DATASETS
from dd.data.prepared import load
from dd.data.weights import WEIGHTS
from dd.nets import NETWORKS, module_of
from dd.nets.init_schemes import INIT_SCHEMES
from tests.conftest import ROOT, TINY_DISTILL, checkout
from tests.warm import run_module

CIRCLES = '''"""Circles of two sizes."""

from dd.data.named_dataset import NamedDataset


def circles():
    """Read nothing: draw them."""
    import numpy as np

    distance = np.hypot(*(np.indices((28, 28)) - 13.5))
    sizes = np.arange(400) % 8 + 4
    images = np.stack([np.where(distance < size, 255, 0) for size in sizes]).astype(np.uint8)
    labels = (sizes > 7).astype(np.uint8)
    train = {"x_train": images[:300], "y_train": labels[:300]}
    return train | {"x_test": images[300:], "y_test": labels[300:]}, ["a", "b"]


DATASET = NamedDataset(
    name="circles",
    description="circles of two sizes",
    channels=1,
    size=28,
    classes=("a", "b"),
    reader=circles,
    source="drawn",
    modules=(__name__,),
)
'''
LINEAR = '''"""A single layer."""

from torch import nn


class Linear(nn.Module):
    """A single layer."""

    def __init__(self, channels, size, classes):
        super().__init__()
        self.layer = nn.Linear(channels * size * size, classes)

    def forward(self, x):
        return self.layer(x.flatten(1))
'''


@pytest.fixture
def copy(tmp_path):
    """The package in a folder of its own, and what runs `python -m dd` or snakemake there."""
    folder = checkout(tmp_path)

    def run(*words):
        environment = {name: value for name, value in os.environ.items() if name != "DD_DATA_MIRROR"}
        if words[0] != "snakemake":
            words = ("dd", *words)
        return run_module(*words, folder=folder, env=environment)

    return folder, run


def test_a_new_dataset_is_one_file(copy):
    folder, run = copy
    (folder / "dd/data/datasets/circles.py").write_text(CIRCLES)
    shown = run("data", "prepare", "--help").stdout
    assert re.search(r"birds10 .*\n +circles +circles of two sizes\n", shown)
    done = run("data", "prepare", "circles", "--out", "made/circles.npz")
    assert (
        done.stdout == "made/circles.npz: 300 training and 100 test images, 2 classes\n"
        "source: drawn\n"
        "fidelity: as its source gives it\n"
        "augmentation: none\n"
    ), done.stderr
    data = load(folder / "made/circles.npz")
    assert data.classes == ["a", "b"]
    assert data.y_test.bincount().tolist() == [48, 52]
    (folder / "mirror").mkdir()
    (folder / "made/circles.npz").rename(folder / "mirror/circles.npz")
    done = run("data", "prepare", "circles", "--out", "made/again.npz", "--mirror", "mirror")
    assert "not checked against the official bytes: x_train, y_train" in done.stdout


def test_a_new_dataset_is_planned(copy):
    folder, run = copy
    (folder / "dd/data/datasets/circles.py").write_text(CIRCLES)
    config = {"experiments": {"circles_fixed": {"dataset": "circles", "init": "fixed", "nets": 1}}}
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    done = run("snakemake", "-n", "--cores", "1", "--configfile", "own.yaml", "--printshellcmds", "circles_fixed")
    assert "python -m dd data prepare circles" in done.stdout, done.stderr


def test_a_new_network_is_one_file_and_one_line(copy):
    folder, run = copy
    (folder / "dd/nets/one_layer.py").write_text(LINEAR)
    listing = folder / "dd/nets/__init__.py"
    line = '    "OneLayer": NamedNetwork("dd.nets.one_layer:Linear", "a single layer"),\n'
    text = listing.read_text()
    listing.write_text(
        text.replace("NETWORKS: dict[str, NamedNetwork] = {\n", "NETWORKS: dict[str, NamedNetwork] = {\n" + line)
    )
    assert "OneLayer, a single layer;" in " ".join(run("distill", "--help").stdout.split())
    run("data", "prepare", "digits", "--out", "digits.npz")
    words = [*TINY_DISTILL, "--net=OneLayer", "--data=digits.npz", "--out=set.safetensors", "--meta-steps=5"]
    done = run("distill", *words, "--history=history.csv")
    assert done.returncode == 0, done.stderr
    assert (folder / "set.safetensors").exists()


def test_a_clash_of_names_is_one_line(copy):
    folder, run = copy
    (folder / "dd/data/datasets/other.py").write_text(CIRCLES.replace('name="circles"', 'name="mnist"'))
    for words in (["data", "prepare", "--help"], ["--help"]):
        done = run(*words)
        assert done.returncode == 1
        assert re.fullmatch(
            r"error: .*other\.py: the name 'mnist' is taken by .*mnist\.py; choose another name\n", done.stderr
        )


def test_declarations_are_read_without_slow_packages():
    modules = "dd.data.datasets, dd.data.weights, dd.nets, dd.nets.init_schemes, dd.runtime.discovery"
    slow = ("torch", "torchvision", "numpy", "pandas", "PIL", "scipy", "sklearn", "matplotlib")
    program = f"import sys, {modules}; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", DATASETS)
def test_a_dataset_is_in_the_file_of_its_name_and_made_anew_when_that_changes(name):
    assert f"dd.data.datasets.{name}" in DATASETS[name].modules
    for module in DATASETS[name].modules:
        assert (ROOT / f"{module.replace('.', '/')}.py").exists()


def test_every_declaration_has_a_description_of_one_line():
    for entries in (DATASETS, WEIGHTS, NETWORKS, INIT_SCHEMES):
        for entry in entries.values():
            assert 5 < len(entry.description) < 90
            assert "\n" not in entry.description


def test_the_module_of_a_network():
    assert [module_of(name) for name in ("LeNet", "mine.nets:Net")] == ["dd.nets.lenet", "mine.nets"]
