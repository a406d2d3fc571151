"""Configs that cannot be meant: each is refused in one line that names the key, without Snakemake."""

import copy
import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dd.baselines.settings import BaselineSettings
from dd.config.model import Config
from dd.distill.settings import DistillConfig
from dd.plan.plan import Plan
from dd.pools.settings import PoolConfig
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged

PAPER = load_yaml(ROOT / "config.yaml")
SCALES = {name: merged(PAPER, load_yaml(ROOT / f"workflow/scales/{name}.yaml")) for name in ("laptop", "demo")}
DEMO = SCALES["demo"]
RULES = [
    name
    for path in (ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk"))
    for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)
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


IMAGES, ATTACK = "distilled_images", "{dataset: mnist, attack_class: 4, target_class: 9}"
LINE = "{experiment: mnist_random, vary: steps, values: [1, 2],"


@pytest.mark.parametrize(
    ("overlay", "named"),
    [
        ("distil: {steps: 3}", "unknown key 'distil'"),
        ("distill: {step: 3}", "distill: unknown key 'step'; did you mean steps?"),
        ("distill: {init_law: he}", "distill: unknown key 'init_law'; did you mean init_scheme?"),
        (
            "pools: {mnist_LeNet: {init_law: he}}",
            "pools.mnist_LeNet: unknown key 'init_law'; did you mean init_scheme?",
        ),
        ("distill:", "distill: nothing is not keys with values"),
        ("distill: {clip: .nan}", "distill.clip: nan is not a finite number"),
        ("distill: {seed: true}", "distill.seed: True is not a whole number"),
        ("distill: {meta_lr: true}", "distill.meta_lr: True is not a number"),
        ("distill: {start: reel}", "distill.start: 'reel' is not one of 'noise' or 'real'"),
        ("experiments: {mnist_fixed: {net: Lenet}}", "or package.module:Class; did you mean LeNet?"),
        ("tables: {table9: [mnist_fixed]}", "tables: unknown key 'table9'; did you mean table"),
        ("tables: {table1: [mnist_fixed, mnist_fixed]}", "tables.table1: 'mnist_fixed' is there twice; leave one out"),
        (
            f"curves: {{fig4: [{LINE} panel: a, label: b, x: steps, set: {{step: 1}}}}]}}",
            "curves.fig4.0.set: unknown key 'step'; did you mean steps?",
        ),
        (f"curves: {{fig4: [{LINE} panel: a, label: b, x: steps, set: {{start: x}}}}]}}", "curves.fig4.0.set.start"),
        ("experiments: {'a b': {dataset: mnist}}", "experiments.a b: 'a b' is no name"),
        ("bars: {fig6: []}", "bars.fig6: is empty"),
        ("not_run: {fig6: {mnits: slow}}", "not_run.fig6: the paper has no 'mnits' there"),
        ("experiments: {mnist_fixed: {dataset: mnist, epoch: 3}}", "unknown key 'epoch'"),
        ("data: {miror: x}", "unknown key 'miror'"),
        ("transfer: {protocols: [dcbench]}", "config: transfer.protocols"),
        (
            "transfer: {nets: [LeNett]}",
            "transfer.nets.0: 'LeNett' is not one of LeNet, AlexCifarNet, AlexNet, ConvNet3",
        ),
        ("transfer: {experiments: [mnist]}", "transfer.experiments: no experiment 'mnist'"),
        ("evaluate: {nets: 0}", "config: evaluate.nets"),
        ("distill: {meta_lr: fast}", "config: distill.meta_lr"),
        ("figures: {fig2a: {experiment: nothing}}", "figures.fig2a.experiment"),
        ("figures: {fig2a: {steps: [2]}}", "figures.fig2a.steps"),
        ("all: [fig9]", "fig9"),
        ("tables: {table1: [mnist_fixd]}", "tables.table1: no experiment 'mnist_fixd'"),
        (
            "curves: {fig4: [{panel: a, label: b, experiment: mnist, x: steps, vary: steps, values: [1, 2]}]}",
            "curves.fig4: no experiment 'mnist'",
        ),
        ("curves: {fig4: [{panel: a, label: b, experiment: mnist_random, x: step}]}", "config: curves"),
        (f"curves: {{fig4: [{LINE} panel: a, label: '', x: steps}}]}}", "config: curves.fig4.0.label"),
        (f"curves: {{fig4: [{LINE} panel: a, label: b, x: epochs}}]}}", "curves.fig4: x: epochs is not what steps"),
        (
            f"curves: {{fig4: [{LINE} panel: a, label: b, x: steps}}, {LINE} panel: a, label: c, x: {IMAGES}}}]}}",
            "curves.fig4: the lines of panel 'a' have several x",
        ),
        (
            f"curves: {{fig4: [{LINE} panel: a, label: b, x: steps}}, {LINE} panel: a, label: b, x: steps}}]}}",
            "curves.fig4: panel 'a' has two lines 'b'; rename one",
        ),
        ("experiments: {mnist_random_epochs1_steps2: {dataset: usps}}", "a point of a curve has this name"),
        ("baselines: {draw: 3}", "unknown key 'draw'"),
        ("pools: {mnist_LeNet: {epoch: 3}}", "unknown key 'epoch'"),
        ("pools: {mnist_LeNet: {dataset: mnits}}", "pools.mnist_LeNet.dataset: 'mnits' is not one of"),
        ("pools: {mnist_fixed: {dataset: mnist}}", "experiments.mnist_fixed: something else has this name"),
        ("pools: {usps_LeNet: {nets: 0}}", "config: pools.usps_LeNet.nets"),
        (
            "experiments: {mnist_poison: {pool: mnist_Lenet}}",
            "experiments.mnist_poison.pool: 'mnist_Lenet' is not one of",
        ),
        ("experiments: {voc_alexnet: {pretrained: vgg}}", "experiments.voc_alexnet.pretrained: 'vgg' is not one of"),
        ("experiments: {mnist_fixed: {pool: mnist_LeNet}}", "experiments.mnist_fixed.init: fixed needs neither pool"),
        (
            "experiments: {mnist_random: {init: random_pretrained}}",
            "experiments.mnist_random.init: random_pretrained needs pool",
        ),
        ("experiments: {mnist_poison: {target_class: 0}}", "mnist_poison.target_class: 0 is the attack_class itself"),
        ("experiments: {mnist_poison: {attack_class: -1, target_class: -1}}", "fig6: mnist_poison has no attack_class"),
        (
            "{experiments: {again: {dataset: mnist, steps: 5}}, tables: {table1: [mnist_random, again]}}",
            "tables.table1: mnist_random and again would have one name there",
        ),
        (
            f"{{experiments: {{again: {ATTACK}}}, bars: {{fig6: [mnist_poison, again]}}}}",
            "bars.fig6: mnist_poison and again would have one name there",
        ),
        (
            "experiments: {mnist_usps_fixed: {dataset: usps}}",
            "mnist_usps_fixed.pool: mnist_LeNet is for images",
        ),
        (
            "{pools: {mine: {dataset: mnist, seed: 1}}, tables: {table2: [mnist_usps_fixed, again]}, "
            "experiments: {again: {dataset: usps_28, init: fixed_pretrained, pool: mine}}}",
            "tables.table2: mnist_usps_fixed and again would have one name there",
        ),
        ("bars: {fig6: [mnist_poisn]}", "bars.fig6: no experiment 'mnist_poisn'"),
        ("adapt: {experiments: {mnist: {full: {nets: 3}}}}", "adapt.experiments: no experiment 'mnist'"),
        ("adapt: {full: {epoch: 3}}", "unknown key 'epoch'"),
        ("baselines: {experiments: {mnist: {nets: 3}}}", "baselines.experiments: no experiment 'mnist'"),
        ("experiments: {mnist_fixed: {dataset: mnits}}", "experiments.mnist_fixed.dataset"),
        ("data: {variants: {usps_28: {of: uspp}}}", "data.variants.usps_28.of: 'uspp' is not one of"),
        ("data: {variants: {again: {of: usps_28}}}", "data.variants.again.of: 'usps_28' is not one of"),
        ("data: {variants: {usps: {of: mnist}}}", "data.variants.usps: another dataset has this name"),
        ("data: {variants: {usps_28: {channels: 2}}}", "config: data.variants.usps_28.channels"),
        ("data: {variants: {usps_28: {sise: 2}}}", "unknown key 'sise'"),
        ("experiments: {mnist_fixed: {net: Lenet}}", "experiments.mnist_fixed.net"),
        (
            "experiments: {mnist_poison: {net: AlexCifarNet}}",
            "experiments.mnist_poison.pool: mnist_LeNet has nets",
        ),
        ("experiments: {mnist_usps_fixed: {pool_net: 2000}}", "experiments.mnist_usps_fixed.pool_net"),
        ("experiments: {mnist_fixed: {target_class: 3}}", "experiments.mnist_fixed.attack_class: is missing"),
        ("experiments: {cub_alexnet: {attack_class: 199, target_class: 200}}", "experiments.cub_alexnet.target_class"),
        ("data: {variants: {usps_28: {margin: 14}}}", "data.variants.usps_28.margin"),
        ("baselines: {candidates: 9}", "baselines.candidates"),
        ("baselines: {experiments: {mnist_random: {draws: 51}}}", "baselines.experiments.mnist_random.candidates"),
        ("scale: data", "scale: results/data is another folder"),
        ("distill: {steps: 3.0}", "distill.steps: 3.0 is not a whole number"),
        ("data: {folders: {mine: {folder: nowhere, size: 8}}}", "data.folders.mine.folder: nowhere: no such folder"),
        ("experiments: {mnist_fixed: {net: 'nowhere:Net'}}", "experiments.mnist_fixed.net: no module nowhere here"),
        ("pools: {mine: {dataset: mnist, net: 'no.where:Net'}}", "pools.mine.net: no module no.where here"),
        ("transfer: {nets: ['nowhere:Net']}", "transfer.nets: no module nowhere here"),
    ],
)
def test_mistakes_name_the_key(overlay, named):
    assert_refused(merged(PAPER, yaml.safe_load(overlay)), named)


@pytest.mark.parametrize("splits", [[""], ["train", "test"], None])
def test_classes_a_users_folder_lacks(tmp_path, splits):
    files = [tmp_path / split / name / "a.png" for split in splits or [""] for name in ("cat", "dog", ".cache")]
    for file in files:
        file.parent.mkdir(parents=True)
        file.touch()
    if splits is None:
        rows = [f"{file.relative_to(tmp_path)},{file.parent.name},train" for file in files[:2]]
        (tmp_path / "labels.csv").write_text("\n".join(["file,class,split", *rows]))
    poison = {"dataset": "mine", "attack_class": 0, "target_class": 1}
    overlay = {"data": {"folders": {"mine": {"folder": str(tmp_path), "size": 28}}}, "experiments": {"own": poison}}
    assert refusal_of(merged(PAPER, overlay)) == ""
    poison["target_class"] = 2
    config = merged(PAPER, overlay)
    assert_refused(config, "experiments.own.target_class", "mine has classes 0 to 1")
    files[1].unlink()
    files[1].parent.rmdir()
    assert_refused(config, "config: data.folders.mine.folder: ", str(tmp_path))


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
