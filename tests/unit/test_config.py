"""Configs that cannot be meant: each is refused in one line that names the key, without Snakemake."""

import re

import pytest
import yaml

from dd.plan.plan import Plan
from dd.report.kinds import KINDS
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged

PAPER = load_yaml(ROOT / "config.yaml")
SCALES = {
    name: merged(PAPER, load_yaml(ROOT / f"workflow/scales/{name}.yaml")) for name in ("laptop", "demo", "beyond")
}
DEMO = SCALES["demo"]
RULES = [
    name
    for path in (ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk"))
    for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)
] + [kind.rule for kind in KINDS]
"""Names that the workflow has taken."""


def refusal_of(config: dict) -> str:
    """Why a config, or anything that can be asked for with it, is refused; else nothing."""
    try:
        plan = Plan(config)
        names = [target.name for target in plan.targets.targets(taken=RULES)]
        for pool in plan.config.pools:
            plan.pools.data(pool)
        for experiment in plan.experiments.names:
            plan.experiments.data(experiment)
        for name in names:
            plan.targets.files_of(name)
    except UserError as error:
        return f"config: {error}"
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


def test_numbers_without_a_point_are_numbers():
    """YAML takes them for text."""
    overlay = yaml.safe_load("{distill: {meta_lr: 1e-3, meta_steps: 2e3, clip: 1E+0}, scale: e5}")
    assert overlay["distill"]["meta_lr"] == "1e-3"
    config = Plan(merged(PAPER, overlay)).config
    assert (config.distill.meta_lr, config.distill.meta_steps, config.distill.clip) == (0.001, 2000, 1.0)
    assert isinstance(config.distill.meta_steps, int)
    assert config.scale == "e5"
    assert "meta_steps: 0.5 is not a whole number" in refusal_of(merged(PAPER, {"distill": {"meta_steps": "5e-1"}}))
    assert "meta_lr: 'e-3' is not a number" in refusal_of(merged(PAPER, {"distill": {"meta_lr": "e-3"}}))


LINE = {"panel": "a", "label": "b", "experiment": "mnist_poison", "x": "steps", "vary": "steps", "values": [1, 2]}


def test_poisoning_is_checked_of_whole_experiments():
    curves = Plan(merged(PAPER, {"curves": {"fig7": [{**LINE, "set": {"target_class": 5}}]}})).config
    point = curves.all_experiments["mnist_poison_steps2_target_class5"]
    assert (point.attack_class, point.target_class) == (0, 5)
    same = merged(PAPER, {"curves": {"fig7": [{**LINE, "set": {"attack_class": 1}}]}})
    assert_refused(same, "curves.fig7: the point mnist_poison_attack_class1 of mnist_poison: target_class: 1 is the")
    attacks = {name: {"attack_class": 0} for name in DEMO["experiments"]}
    shared = Plan(merged(DEMO, {"distill": {"target_class": 5}, "experiments": attacks})).config
    assert {entry.target_class for entry in shared.experiments.values()} == {1, 5}
    assert_refused(merged(DEMO, {"distill": {"target_class": 5}}), "experiments.mnist_fixed.attack_class: is missing")


@pytest.mark.parametrize("written", ["1", "1.0", "0.5", "100000000", "1.0e-07"])
def test_points_are_named_by_numbers_as_they_are_written(written):
    number = yaml.safe_load(written)
    line = {**LINE, "set": {"clip_adjoint": number, "shuffle_steps": True}}
    config = Plan(merged(PAPER, {"curves": {"fig7": [line]}})).config
    first = f"mnist_poison_clip_adjoint{number}_shuffle_stepsTrue"
    assert [name for name in config.points if name.startswith("mnist_poison")] == [first, f"{first}_steps2"]
    assert config.all_experiments[first].clip_adjoint == number
