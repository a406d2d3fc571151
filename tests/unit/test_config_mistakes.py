"""Mistakes in a config, one by one: each is refused in one line that names the key, without Snakemake."""

import pytest
import yaml

from tests.conftest import merged
from tests.unit.test_config import PAPER, assert_refused, refusal_of

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
        ("distill:", "distill: nothing is not a mapping of keys to values"),
        ("distill: {clip: .nan}", "distill.clip: nan is not a finite number"),
        ("distill: {seed: true}", "distill.seed: True is not a whole number"),
        ("distill: {meta_lr: true}", "distill.meta_lr: True is not a number"),
        ("distill: {start: reel}", "distill.start: 'reel' is not one of 'noise' or 'real'"),
        ("experiments: {mnist_fixed: {net: Lenet}}", "or package.module:Class; did you mean LeNet?"),
        ("tables: {table9: [mnist_fixed]}", "tables: unknown key 'table9'; did you mean table"),
        ("tables: {table1: [mnist_fixed, mnist_fixed]}", "tables.table1: 'mnist_fixed' is listed twice; remove one"),
        (
            f"curves: {{fig4: [{LINE} panel: a, label: b, x: steps, set: {{step: 1}}}}]}}",
            "curves.fig4.0.set: unknown key 'step'; did you mean steps?",
        ),
        (f"curves: {{fig4: [{LINE} panel: a, label: b, x: steps, set: {{start: x}}}}]}}", "curves.fig4.0.set.start"),
        ("experiments: {'a b': {dataset: mnist}}", "experiments.a b: 'a b' is not a name"),
        (
            f"curves: {{fig4: [{LINE} panel: a, label: b, x: steps, values: [1]}}]}}",
            "curves.fig4.0.values: has only 1; give at least 2",
        ),
        (f"experiments: {{mnist_fixed: {{net: {'N' * 1000}}}}}", "NNN ... NNN"),
        (f"adapt: {{experiments: {{{'N' * 1000}: {{full: {{nets: 3}}}}}}}}", "no experiment 'NNN"),
        (
            "experiments: {fig2a: {dataset: mnist}}",
            "figures.fig2a: an experiment, experiments.fig2a, has this name; choose another",
        ),
        ("not_run: {fig6: {mnits: slow}}", "not_run.fig6: the paper has no 'mnits' there"),
        ("not_run: {fig6: {mnits: slow}}", "; did you mean mnist?"),
        ("not_run: {fig66: {mnist: slow}}", "not_run.fig66: there is no 'fig66'. The paper has"),
        ("not_run: {fig66: {mnist: slow}}", "; did you mean fig6?"),
        ("experiments: {mnist_fixed: {dataset: mnist, epoch: 3}}", "unknown key 'epoch'"),
        ("data: {miror: x}", "unknown key 'miror'"),
        ("transfer: {protocols: [dcbench]}", "config: transfer.protocols"),
        (
            "transfer: {nets: [LeNett]}",
            "transfer.nets.0: 'LeNett' is not one of LeNet, AlexCifarNet, AlexNet, ConvNet3",
        ),
        ("transfer: {experiments: [mnist]}", "transfer.experiments: no experiment 'mnist'"),
        ("evaluate: {nets: 0}", "config: evaluate.nets"),
        ("linear_case: {sizes: [2, 2]}", "linear_case.sizes: 2 is listed twice; remove one"),
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
        ("pools: {mnist_fixed: {dataset: mnist}}", "experiments.mnist_fixed: a pool, pools.mnist_fixed, has this name"),
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
        (
            "data: {folders: {mnist: {folder: nowhere, size: 28}}}",
            "data.folders.mnist: another dataset has this name; choose another",
        ),
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
        ("data: {variants: {usps_28: {margin: 14}}}", "data.variants.usps_28.margin: 14 leaves nothing of 28 pixels"),
        ("data: {variants: {framed: {of: usps, margin: 8}}}", "data.variants.framed.margin: 8 leaves nothing of 16"),
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
