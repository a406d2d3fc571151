"""The examples of docs/sets.md, after `make demo` in miniature, and of README, after `make quick`: as they stand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dd.runtime.warm import ADDRESS
from tests.conftest import ROOT, checkout, made_once
from tests.warm import warm
from tests.workflow.test_workflow import snakemake

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs/sets.md").read_text(), re.M | re.S)
MINIATURE = """
pool: {nets: 4, held_out: 2, shard: 4, epochs: 1}
distill: {real_batch: 64, validation_images: 50}
experiments:
  digits_random: {meta_steps: 3}
  digits_shifted_random: {meta_steps: 2, nets: 2}
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A fresh checkout, in which the demo has made the sets and the pool, with fewer meta-steps."""
    return made_once(tmp_path_factory, "demo", _make_demo)


def _make_demo(folder):
    checkout(folder, linked=True)
    (folder / "miniature.yaml").write_text(MINIATURE)
    scale = "workflow/scales/demo.yaml"
    assert f"snakemake --cores all --configfile {scale}" in (ROOT / "Makefile").read_text()
    names = ("digits_random", "digits_shifted_random")
    sets = [f"results/demo/distill/{name}/set.safetensors" for name in names]
    done = snakemake(*sets, "--configfile", scale, "miniature.yaml", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def run(*command, folder, **environment):
    """What a command prints in `folder`, with this Python and the package of that folder."""
    environment = os.environ | environment | {"PYTHONPATH": str(folder), ADDRESS: warm().address}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("language", "text"), BLOCKS, ids=[language for language, _ in BLOCKS])
def test_the_examples_work(demo, language, text):
    text = text.replace("--nets 5", "--nets 1").replace("--net ConvNet3", "")  # which take minutes
    start = {"python": [sys.executable, "-c"], "sh": ["bash", "-ec"]}[language]
    done = run(*start, text, folder=demo)
    assert done.returncode == 0, done.stderr
    if language == "python":
        assert re.match(r"DistilledSet digits LeNet random\n(.*\n)+\d+\.\d %\n$", done.stdout), done.stdout
    else:
        for made in re.findall(r"--(?:out|chart) (\S+)", text):
            assert (demo / made).exists(), made


def test_the_page_has_examples_of_both_kinds():
    assert [language for language, _ in BLOCKS] == ["python", "sh"]


def test_quick_makes_what_readmes_python_uses(tmp_path):
    """With few meta-steps; of MNIST where it can be had, of the digits inside scikit-learn elsewhere."""
    folder = checkout(tmp_path)
    shutil.copy2(ROOT / "Makefile", folder)
    taken = "results/published/laptop/distill/mnist_random"
    shutil.copytree(ROOT / taken, folder / taken)
    done = run("make", "--old-file=.venv/.ready", "quick", "QUICK_STEPS=3", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3/3 steps" in done.stderr, "no progress on the way"
    assert (folder / "results/quick/images.png").read_bytes().startswith(b"\x89PNG")
    (python,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    used = run(sys.executable, "-c", python, folder=folder)
    (accuracy,) = re.findall(r"^(\d+\.\d) % test accuracy$", used.stdout, re.M) or [used.stderr]
    (told,) = re.findall(r"^after: (\d+\.\d+)", done.stdout, re.M)
    assert float(accuracy) == pytest.approx(float(told), abs=0.3)  # one of 500 images, by rounding of sums
