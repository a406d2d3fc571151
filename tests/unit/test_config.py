"""Configs that cannot be meant: each is refused in one line that names the key, without Snakemake."""

import copy
import json
import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dd.baselines.settings import BaselineSettings
from dd.config.model import Config
from dd.config.read import load_yaml, merged, typed
from dd.config.schema import LOCATION, schema_text
from dd.distill.settings import DistillConfig
from dd.plan.plan import Plan
from dd.pools.settings import PoolConfig
from dd.report.kinds import KINDS
from dd.runtime.errors import UserError
from tests.conftest import ROOT

PAPER = load_yaml(ROOT / "config.yaml")
SCALES = {name: merged(PAPER, load_yaml(ROOT / f"workflow/scales/{name}.yaml")) for name in ("laptop", "demo")}
DEMO = SCALES["demo"]
RULES = [
    *(kind.rule for kind in KINDS),
    *(
        name
        for path in (ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk"))
        for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)
    ),
]
"""Names that the workflow has taken."""


def refusal_of(config: dict) -> str:
    """Why a config is refused, or nothing."""
    try:
        Plan(config).targets.targets(taken=RULES)
    except UserError as error:
        return str(error)
    return ""


def at(config: dict, *path):
    for key in path:
        config = config[key]
    return config


def places(node, kind, path=()):
    """Paths to the values of a type."""
    if type(node) is kind:
        yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, kind, (*path, key))


def changed(path, value, base=DEMO):
    config = copy.deepcopy(base)
    at(config, *path[:-1])[path[-1]] = value
    return config


def assert_refused(config, *named):
    refusal = refusal_of(config)
    assert len(refusal.splitlines()) == 1
    assert refusal.startswith("config: ")
    assert len(refusal) < 500
    for name in named:
        assert str(name) in refusal


OF_KIND = {kind: sorted(places(DEMO, kind), key=str) for kind in (dict, list, str, int, float, bool)}
VALUES = {
    dict: {"a": 1}, list: ["a"], str: "fast", int: 7, float: 2.5, bool: True, type(None): None,
}  # fmt: skip
NO_COUNTS = {"seed", "pool_net", "attack_class", "target_class", "margin", "clip", "clip_adjoint", "noise"}
TAKEN = ["all", "compare", "distill", "draw_figure", "evaluate", "linear_case", "transfer", "train_shard"]
"""Rules of the workflow."""
FREE_SECTIONS = {"folders", "variants", "pools", "experiments", "figures", "curves", "bars", "not_run"}
"""Whose keys are names that users choose."""


@pytest.mark.parametrize("config", [PAPER, *SCALES.values()], ids=["paper", *SCALES])
def test_the_configs_of_the_scales_are_accepted(config):
    assert refusal_of(config) == ""


@given(st.data(), st.from_regex("x_[A-Za-z_]{1,8}", fullmatch=True))
def test_unknown_keys(data, key):
    path = data.draw(st.sampled_from([path for path in OF_KIND[dict] if not path or path[-1] not in FREE_SECTIONS]))
    assert_refused(changed((*path, key), 1), ".".join(map(str, path)), f"unknown key '{key}'")


@given(st.data())
def test_wrong_types(data):
    kind = data.draw(st.sampled_from([*OF_KIND]))
    path = data.draw(st.sampled_from([path for path in OF_KIND[kind] if path]))
    others = set(VALUES) - {kind} - ({int} if kind is float else set())
    other = data.draw(st.sampled_from(sorted(others, key=str)))
    assert_refused(changed(path, VALUES[other]), *path)


@given(st.data())
def test_values_out_of_range(data):
    kind = data.draw(st.sampled_from([int, float]))
    path = data.draw(st.sampled_from(OF_KIND[kind]))
    below = st.integers(max_value=-2) if kind is int else st.floats(max_value=-1e-9)
    value = data.draw(below | st.sampled_from([math.nan, math.inf, -math.inf]))
    assert_refused(changed(path, value), *path)


ABOVE = {"momentum": st.floats(1), "meta_beta1": st.floats(1), "clip_adjoint_share": st.floats(1, exclude_min=True)}


@given(st.data(), st.sampled_from(sorted(ABOVE)))
def test_values_above_their_range(data, key):
    value = data.draw(ABOVE[key])
    assert_refused(changed(("distill", key), value), f"distill.{key}")


@given(st.sampled_from(TAKEN), st.sampled_from(["experiments", "pools", "figures"]))
def test_names_of_something_else(name, section):
    config = copy.deepcopy(DEMO)
    config[section][name] = next(iter(DEMO[section].values()))
    assert_refused(config, f"config: {section}.{name}: something else has this name")


@given(st.sampled_from([path for path in OF_KIND[int] if path[-1] not in NO_COUNTS]))
def test_sizes_of_0(path):
    assert_refused(changed(path, 0), *path)


REQUIRED = [(key,) for key, field in Config.model_fields.items() if field.is_required()]
REQUIRED += [("experiments", name, "dataset") for name in DEMO["experiments"]]
REQUIRED += [("data", "variants", name, "of") for name in DEMO["data"]["variants"]]


@given(st.sampled_from(REQUIRED))
def test_missing_sections(path):
    config = copy.deepcopy(DEMO)
    del at(config, *path[:-1])[path[-1]]
    assert_refused(config, *path)


@given(st.sampled_from(["attack_class", "target_class"]), st.integers(min_value=10))
def test_classes_the_dataset_lacks(key, label):
    path = ("experiments", "digits_poison", key)
    assert_refused(changed(path, label), ".".join(path), "classes 0 to 9")


@given(st.integers(0, 9))
def test_an_attack_class_that_is_the_target_class(label):
    config = changed(("experiments", "digits_poison", "attack_class"), label)
    config["experiments"]["digits_poison"]["target_class"] = label
    assert_refused(config, "experiments.digits_poison.target_class")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(0, 3) | st.text(max_size=5) | st.sampled_from(
        ["digits", "mnist", "digits_LeNet", "digits_random", "LeNet", "random", "fixed", "distill", "a.b:C", "all"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@given(st.data())
def test_what_is_accepted_is_accepted_by_the_commands_too(data):
    path = data.draw(st.sampled_from([path for paths in OF_KIND.values() for path in paths if path]))
    config = changed(path, data.draw(ANYTHING))
    refusal = refusal_of(config)
    assert len(refusal.splitlines()) <= 1
    if refusal:
        assert refusal.startswith("config: ")
        return
    checked = Plan(config).config
    for entry in checked.all_experiments.values():
        DistillConfig(**entry.model_dump(include=set(DistillConfig.model_fields)))
    for entry in checked.pools.values():
        PoolConfig(**entry.model_dump(include=set(PoolConfig.model_fields)))
    BaselineSettings(**checked.baselines.model_dump(exclude={"experiments"}))


def test_the_papers_values_are_the_defaults_of_the_commands():
    assert PAPER["distill"] == DistillConfig().model_dump()
    counts = {"nets", "held_out", "shard"}
    assert {key: value for key, value in PAPER["pool"].items() if key not in counts} == PoolConfig().model_dump()


def test_numbers_of_the_command_line():
    given = {"distill": {"steps": "3", "clip": "0.5", "soft_labels": "true", "net": "MLP"}, "all": ["fig2a", "1e3"]}
    found = {"distill": {"steps": 3, "clip": 0.5, "soft_labels": True, "net": "MLP"}, "all": ["fig2a", 1000.0]}
    assert typed(given) == found


SCHEMA = ROOT / LOCATION
FILES = [ROOT / "config.yaml", *sorted((ROOT / "workflow/scales").glob("*.yaml"))]


def test_the_schema_is_the_models():
    assert SCHEMA.read_text() == schema_text(), "run `make docs`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_editors_find_the_schema_and_accept_our_files(path):
    first = path.read_text().partition("\n")[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]
    assert (path.parent / named).resolve() == SCHEMA
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(load_yaml(path))


@pytest.mark.parametrize(
    "overlay",
    [
        "distill: {step: 3}",
        "distill: {steps: 0}",
        "distill: {momentum: 1.0}",
        "distill: {init: fixd}",
        "distill: {net: Lenet}",
        "experiments: {mine: {epoch: 3}}",
        "figures: {fig2a: {steps: [1, 1]}}",
        "adapt: {fada: {epochs: 3}}",
        "baselines: {experiments: {mnist_random: {draw: 3}}}",
    ],
)
def test_editors_refuse_by_the_schema(overlay):
    assert not Draft202012Validator(json.loads(SCHEMA.read_text())).is_valid(yaml.safe_load(overlay))
