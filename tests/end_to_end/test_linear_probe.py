"""The linear probe of benchmarks/linear_probe.py, in miniature: frozen random features, and digits."""

import os
import re
import subprocess
import sys

from dd.nets.factory import build
from dd.runtime.files import save_tensors
from tests.conftest import ROOT

NET = "tests.conftest:TinyNet"


def test_a_linear_layer_on_frozen_features_learns(digits, tmp_path):
    info = {"name": "mine", "mean": [0.5], "std": [0.5]}
    save_tensors(tmp_path / "mine.safetensors", build(NET, 1, 28, 10, seed=0).state_dict(), info)
    script = [sys.executable, ROOT / "benchmarks/linear_probe.py", digits, tmp_path / "mine.safetensors"]
    command, here = [*script, "--net", NET, "--held-out", "50"], os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = re.fullmatch(rf"([\d.]+) \[.*\] % of 500 test images, by a linear layer on {NET}\n", done.stdout)
    assert float(told[1]) > 50, done.stdout
