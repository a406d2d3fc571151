"""Configs through the command itself: those that cannot be meant end before any job, some of every kind."""

import pytest
import yaml

from dd.plan.plan import Plan
from tests.conftest import ROOT, checkout, load_yaml, merged
from tests.workflow.test_workflow import planned, snakemake

BROKEN = [
    ("distill: {step: 3}", "distill: unknown key 'step'; did you mean steps?"),
    ("evaluate: {nets: 0}", "evaluate.nets: 0 must be at least 1"),
    ("experiments: {mnist_poison: {attack_class: 10}}", "experiments.mnist_poison.attack_class: 10, but mnist has"),
    ("data: {folders: {mnist: {folder: tests, size: 28}}}", "data.folders.mnist: another dataset has this name"),
    ("pools: {distill: {dataset: mnist}}", "pools.distill: a rule of the workflow has this name"),
]


@pytest.mark.parametrize(("overlay", "said"), BROKEN)
def test_snakemake_says_it_before_any_job(tmp_path, overlay, said):
    (tmp_path / "broken.yaml").write_text(overlay)
    done = snakemake("--dry-run", "--configfile", str(tmp_path / "broken.yaml"))
    assert done.returncode == 1
    output = done.stdout + done.stderr
    assert f"\nconfig: {said}" in output
    assert "Traceback" not in output
    assert "Job stats" not in output


def test_a_sweep_of_1500_experiments(tmp_path):
    study = {f"sweep_{index}": {"dataset": "digits", "seed": index} for index in range(1500)}
    sweep = {"panel": "a", "label": "b", "x": "steps", "vary": "steps", "experiment": "sweep_1"}
    curves = {"long": [{**sweep, "values": list(range(1, 1501))}]}
    config = {"scale": "sweep", "experiments": study, "curves": curves, "all": ["long"]}
    copy = checkout(tmp_path, linked=True)
    (copy / "own.yaml").write_text(yaml.dump(config))
    done = snakemake("results/sweep/configuration.html", "--configfile", "own.yaml", cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sweep_1499" in (copy / "results/sweep/configuration.html").read_text()
    plan = Plan(merged(load_yaml(ROOT / "config.yaml"), config))
    assert len(plan.targets.inputs("long")["metrics"]) == 1500


def test_a_study_of_ones_own_is_not_the_papers(tmp_path):
    study = {"distill": {"steps": 1}, "experiments": {"mine": {"dataset": "mnist", "init": "fixed"}}}
    (tmp_path / "own.yaml").write_text(yaml.dump(study))
    plan = ("--dry-run", "--forceall", "--configfile", str(tmp_path / "own.yaml"))
    assert ("distill", "mine") in planned(snakemake("mine", *plan))
    for target in ("all", "fig2b", "results/paper/figures/fig2b.png"):
        done = snakemake(target, *plan)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("config: figures.fig2b.steps: 10 is more than the 1 steps of")
        assert "Traceback" not in done.stdout + done.stderr


def test_a_study_without_the_papers_experiments(tmp_path):
    study = {"extends": "none", "scale": "mine", "experiments": {"small": {"dataset": "digits", "net": "MLP"}}}
    checkout(tmp_path, linked=True)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    done = snakemake("-n", "--configfile", "study.yaml", cwd=tmp_path)
    assert {rule for rule, _ in planned(done)} == {
        *("prepare_data", "distill", "draw_training", "evaluate", "write_page", "write_configuration")
    }
