"""The same with mistakes that hypothesis draws: in any key of the demo's config."""

import copy
import math
import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dd.baselines.settings import BaselineSettings
from dd.config.model import Config
from dd.config.schema import schema
from dd.config.sections import ExperimentEntry, PoolEntry, Variant
from dd.distill.settings import DistillConfig
from dd.plan.plan import Plan
from dd.pools.settings import PoolConfig
from dd.report.kinds import KINDS
from tests.unit.test_config import DEMO, assert_refused, refusal_of


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


OF_KIND = {kind: sorted(places(DEMO, kind), key=str) for kind in (dict, list, str, int, float, bool)}
VALUES = {
    dict: {"a": 1}, list: ["a"], str: "fast", int: 7, float: 2.5, bool: True, type(None): None,
}  # fmt: skip
NO_COUNTS = {"seed", "pool_net", "attack_class", "target_class", "margin", "clip", "clip_adjoint", "noise"}
NO_COUNTS |= {"validate_every", "batch_per_class", "window", "whole"}  # 0: not at all, or all
TAKEN = ["all", "compare", "distill", "draw_figure", "evaluate", "linear_case", "transfer", "train_shard"]
"""Rules of the workflow."""
ENTRIES = {kind.section.key for kind in KINDS if kind.section}
"""Sections whose entries are figures or tables."""
FREE_SECTIONS = {
    "folders",
    "augment",
    "variants",
    "pools",
    "experiments",
    "figures",
    "curves",
    "bars",
    "overview",
    "not_run",
}
"""Whose keys are names that users choose."""


@given(st.data(), st.from_regex("x_[A-Za-z_]{1,8}", fullmatch=True))
def test_unknown_keys(data, key):
    path = data.draw(st.sampled_from([path for path in OF_KIND[dict] if not path or path[-1] not in FREE_SECTIONS]))
    assert_refused(changed((*path, key), 1), ".".join(map(str, path)), f"unknown key '{key}'")


@given(st.data())
def test_wrong_types(data):
    kind = data.draw(st.sampled_from([*OF_KIND]))
    path = data.draw(st.sampled_from([path for path in OF_KIND[kind] if path]))
    others = set(VALUES) - {kind} - ({int} if kind is float else set())
    if path[0] in ENTRIES and len(path) == 2:
        others -= {type(None)}  # takes the entry away
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
    other = {"linear_case": "a figure", "transfer": "a table"}.get(name, "a rule of the workflow")
    assert_refused(config, f"config: {section}.{name}: {other} has this name")


@pytest.mark.parametrize("path", [path for path in OF_KIND[int] if path[-1] not in NO_COUNTS], ids=str)
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


LEFT_OUT = [
    (*path, key)
    for path, model in [
        *((("data", "variants", name), Variant) for name in DEMO["data"]["variants"]),
        *((("experiments", name), ExperimentEntry) for name in DEMO["experiments"]),
        *((("pools", name), PoolEntry) for name in DEMO["pools"]),
    ]
    for key in model.model_fields
]
"""The keys that may be left out there."""


def options_of(plan: Plan) -> list[str]:
    """All options that a run gives to the commands."""
    experiments = plan.experiments
    return [
        *map(plan.data.options, plan.data.prepared),
        *map(plan.data.changes, plan.data.variants),
        *(plan.pools.options(name, part, 0) for name in plan.config.pools for part in ("train", "held-out")),
        *map(experiments.options, experiments.names),
        *map(experiments.pool_option, experiments.names),
        *(experiments.baseline_options(*pair) for pair in product(experiments.names, experiments.baselines)),
        *(experiments.adaptation_options(*pair) for pair in product(experiments.names, experiments.adaptations)),
        experiments.transfer_options(),
        *(plan.targets.command(artefact.name) for artefact in plan.config.artefacts),
        plan.targets.comparison(),
    ]


@given(st.sampled_from([*LEFT_OUT, *(path for paths in OF_KIND.values() for path in paths if path)]))
def test_nothing_is_never_an_option(path):
    config = changed(path, None)
    if not refusal_of(config):
        assert not [options for options in options_of(Plan(config)) if re.search(r"\bNone\b", options)]


@pytest.mark.parametrize("key", ["size", "channels", "test_images"])
def test_a_key_that_is_there_has_a_value(key):
    config = changed(("data", "variants", "again"), {"of": "mnist", key: None})
    assert_refused(config, f"data.variants.again.{key}: nothing is not ")
    assert not Draft202012Validator(schema()).is_valid(config)
    del config["data"]["variants"]["again"][key]
    Draft202012Validator(schema()).validate(config)


@given(st.data())
def test_what_is_accepted_is_accepted_by_the_commands_too(data):
    path = data.draw(st.sampled_from([path for paths in OF_KIND.values() for path in paths if path]))
    config = changed(path, data.draw(ANYTHING))
    refusal = refusal_of(config)
    assert len(refusal.splitlines()) <= 1
    if refusal:
        assert refusal.startswith("config: ")
        return
    plan = Plan(config)
    assert not [options for options in options_of(plan) if re.search(r"\bNone\b", options)]
    checked = plan.config
    for entry in checked.all_experiments.values():
        DistillConfig(**entry.model_dump(include=set(DistillConfig.model_fields)))
    for entry in checked.pools.values():
        PoolConfig(**entry.model_dump(include=set(PoolConfig.model_fields)))
    BaselineSettings(**checked.baselines.model_dump(exclude={"experiments"}))
