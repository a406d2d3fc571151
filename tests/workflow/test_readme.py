"""The commands of README are plans that Snakemake accepts."""

import re

import pytest

from tests.conftest import ROOT
from tests.workflow.test_workflow import snakemake

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines() if line.startswith("snakemake")]


@pytest.mark.parametrize("line", [line.partition("#")[0].strip() for line in LINES if "apptainer" not in line])
def test_it_plans(line):
    """But for apptainer's, which needs an image: tests/cluster."""
    done = snakemake(*line.split()[1:], "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rule " in done.stdout + done.stderr
