"""Configs that cannot be meant: each is refused in one line that names the key, without Snakemake."""

import re

import pytest

from dd.plan.plan import Plan
from dd.report.kinds import KINDS
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged

PAPER = load_yaml(ROOT / "config.yaml")
SCALES = {name: merged(PAPER, load_yaml(ROOT / f"workflow/scales/{name}.yaml")) for name in ("laptop", "demo")}
DEMO = SCALES["demo"]
RULES = [
    name
    for path in (ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk"))
    for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)
] + [kind.rule for kind in KINDS]
"""Names that the workflow has taken."""


def refusal_of(config: dict) -> str:
    """Why a config is refused, or nothing."""
    try:
        Plan(config).targets.targets(taken=RULES)
    except UserError as error:
        return str(error)
    return ""


def assert_refused(config, *named):
    refusal = refusal_of(config)
    assert len(refusal.splitlines()) == 1
    assert refusal.startswith("config: ")
    assert len(refusal) < 500
    for name in named:
        assert str(name) in refusal


@pytest.mark.parametrize("config", [PAPER, *SCALES.values()], ids=["paper", *SCALES])
def test_the_configs_of_the_scales_are_accepted(config):
    assert refusal_of(config) == ""
