"""Configs that cannot be meant end before any job: some of every kind through the command itself."""

import pytest

from tests.workflow.test_workflow import snakemake

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
    assert len(output.splitlines()) < 8
    assert "Job stats" not in output
