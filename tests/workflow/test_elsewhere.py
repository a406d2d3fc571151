"""The workflow from another folder, and as a module of another workflow. Nothing is written to the checkout."""

import os
import subprocess

import pytest

from dd import load
from tests.conftest import checkout
from tests.workflow.test_workflow import planned, snakemake

STUDY = """
extends: none
scale: mine
experiments:
  small: {dataset: digits, net: MLP, steps: 1, epochs: 1, nets: 1, meta_steps: 2, real_batch: 32, validation_images: 50}
evaluate: {nets: 2}
"""
MODULE = """
import yaml

module distillation:
    snakefile: {snakefile}
    config: yaml.safe_load(open("study.yaml"))

use rule * from distillation
"""


@pytest.fixture
def folders(tmp_path):
    """A checkout, and another folder with a study."""
    source, elsewhere = checkout(tmp_path / "checkout"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "study.yaml").write_text(STUDY)
    return source, elsewhere


def files(folder) -> set[str]:
    return {str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_results_go_to_the_folder_named(folders):
    source, elsewhere = folders
    before = files(source)
    place = ("-s", str(source / "workflow/Snakefile"), "--directory", str(elsewhere))
    done = snakemake(*place, "--configfile", str(elsewhere / "study.yaml"), "--resources", "gpu=0", cwd=elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert load(elsewhere / "results/mine/distill/small/set.safetensors").config.net == "MLP"
    assert (elsewhere / "results/mine/evaluate/small.csv").exists()
    assert files(source) == before


def test_as_a_module(folders):
    source, elsewhere = folders
    (elsewhere / "Snakefile").write_text(MODULE.format(snakefile=repr(str(source / "Snakefile"))))
    assert ("distill", "small") in planned(snakemake("-n", cwd=elsewhere))
    done = snakemake("-n", "fig2a", cwd=elsewhere)  # of the paper, whose experiments this study leaves out
    assert "MissingRuleException" in done.stdout + done.stderr


def test_a_module_from_a_repository_elsewhere_is_refused_in_one_line(folders):
    source, elsewhere = folders
    git = ["git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for words in (["init", "-q", "-b", "main"], ["add", "Snakefile", "workflow"], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull})
    repository = f'gitfile("{source}", path="Snakefile", ref="main")'
    (elsewhere / "Snakefile").write_text(MODULE.format(snakefile=repository))
    done = snakemake("-n", cwd=elsewhere)
    assert done.returncode == 1
    assert "the package `dd` is needed beside this file; clone the repository" in done.stdout + done.stderr
