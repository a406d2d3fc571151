"""benchmarks/linear_probe.py and benchmarks/fine_tuning.py in miniature: a small network, and digits."""

import os
import re

import pytest

from dd.nets.factory import build
from dd.runtime.files import save_tensors
from tests.warm import ROOT, run_python

NET = "tests.conftest:TinyNet"


@pytest.fixture
def run(digits, tmp_path):
    """Runs a script on digits and a small network, and returns what it prints."""
    info = {"name": "mine", "mean": [0.5], "std": [0.5]}
    save_tensors(tmp_path / "mine.safetensors", build(NET, 1, 28, 10, seed=0).state_dict(), info)

    def made(script, *options):
        words = (ROOT / "benchmarks" / script, digits, tmp_path / "mine.safetensors", "--net", NET)
        done = run_python(*words, *options, env=os.environ | {"PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    return made


def test_a_linear_layer_on_frozen_features_learns(run):
    printed = run("linear_probe.py", "--held-out", "50")
    told = re.fullmatch(rf"([\d.]+) \[.*\] % of 500 test images, by a linear layer on {NET}\n", printed)
    assert float(told[1]) > 50, printed


def test_the_best_schedule_has_the_highest_mean_on_held_out_images(run):
    printed = run(
        "fine_tuning.py", "--held-out", "50", "--seeds", "2", "--epochs", "1,8", "--lr", "1e-5", "--lr", "0.01"
    )
    lines = re.findall(r"rate (\S+), seed \d, (\d) epochs: (\S+) % of 50\n", printed)
    assert len(lines) == 8
    means = {}
    for rate, epochs, accuracy in lines:
        means.setdefault((rate, epochs), []).append(float(accuracy))
    best = max(means, key=lambda each: sum(means[each]))
    mean = sum(means[best]) / 2
    assert printed.splitlines()[-1] == f"best: rate {best[0]}, {best[1]} epochs: {mean:.1f} % of 50, mean of 2 runs"
    assert best == ("0.01", "8")
    assert mean > 70
