"""Configs that cannot be meant end before any job: some of every kind through the command itself."""

import pytest
import yaml

from tests.workflow.test_workflow import planned, snakemake

BROKEN = [
    ("distill: {step: 3}", "distill: unknown key 'step'; did you mean steps?"),
    ("evaluate: {nets: 0}", "evaluate.nets: 0 must be at least 1"),
    ("experiments: {mnist_poison: {attack_class: 10}}", "experiments.mnist_poison.attack_class: 10, but mnist has"),
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
