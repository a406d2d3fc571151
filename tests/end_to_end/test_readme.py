"""The examples of README's section on saved sets, after `make demo` in miniature: those in Python as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, checkout
from tests.workflow.test_workflow import snakemake

SECTION = re.search(r"^## Use a saved set\n(.*?)^## ", (ROOT / "README.md").read_text(), re.M | re.S)[1]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.M | re.S)
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
    folder = checkout(tmp_path_factory.mktemp("demo"))
    (folder / "miniature.yaml").write_text(MINIATURE)
    scale = "workflow/scales/demo.yaml"
    assert f"snakemake --cores all --configfile {scale}" in (ROOT / "Makefile").read_text()
    names = ("digits_random", "digits_shifted_random")
    sets = [f"results/demo/distill/{name}/set.safetensors" for name in names]
    done = snakemake(*sets, "--configfile", scale, "miniature.yaml", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize(("language", "text"), BLOCKS, ids=[language for language, _ in BLOCKS])
def test_the_examples_work(demo, language, text):
    text = text.replace("--nets 5 --net ConvNet3", "--nets 1")  # which takes minutes
    start = {"python": [sys.executable, "-c"], "sh": ["bash", "-ec"]}[language]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(demo)}
    done = subprocess.run([*start, text], cwd=demo, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if language == "python":
        assert re.match(r"DistilledSet digits LeNet random\n(.*\n)+\d+\.\d %\n$", done.stdout), done.stdout
    else:
        for made in re.findall(r"--out (\S+)", text):
            assert (demo / made).exists(), made


def test_readme_has_examples_of_both_kinds():
    assert [language for language, _ in BLOCKS] == ["python", "sh"]
