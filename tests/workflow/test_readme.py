"""The commands of README and of the pages on running are plans that Snakemake accepts."""

import re

import pytest

from tests.conftest import ROOT
from tests.workflow.test_workflow import snakemake

PAGES = ("README.md", "docs/running.md", "docs/scaling.md")
TEXT = "\n".join((ROOT / page).read_text() for page in PAGES)
IN_BLOCKS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
IN_TABLES = re.findall(r"\| `(snakemake [^`]+)` \|", TEXT)
COMMANDS = dict.fromkeys(
    line.partition("#")[0].strip() for line in IN_BLOCKS + IN_TABLES if line.startswith("snakemake")
)


def test_there_are_commands_of_both_kinds():
    assert len(IN_TABLES) >= 4
    assert len(COMMANDS) > len(IN_TABLES)


@pytest.mark.parametrize("line", [line for line in COMMANDS if "apptainer" not in line])
def test_it_plans(line, tmp_path):
    """But for apptainer's, which needs an image: tests/cluster."""
    line = line.replace("CHECKOUT", str(ROOT)).replace("ELSEWHERE", str(tmp_path))
    done = snakemake(*line.split()[1:], "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rule " in done.stdout + done.stderr
