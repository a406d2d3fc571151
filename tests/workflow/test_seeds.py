"""An experiment that gets more seeds after it was run with one."""

import pandas as pd
import yaml

from dd.report.publish import publish
from tests.workflow.test_workflow import copy, planned, snakemake  # noqa: F401


def test_further_seeds_come_beside_the_first(copy):  # noqa: F811
    results = copy / "results/tiny"
    run = ("one", "fig2a", "--configfile", "tiny.yaml")
    done = snakemake(*run, cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    first = [results / "distill/one/set.safetensors", results / "evaluate/one.csv", results / "figures/fig2a.png"]
    before = [path.read_bytes() for path in first]
    tiny = yaml.safe_load((copy / "tiny.yaml").read_text())
    tiny["experiments"]["one"]["seeds"] = 2
    (copy / "tiny.yaml").write_text(yaml.dump(tiny))
    jobs = {(rule, "one_seed1") for rule in ("distill", "draw_training", "evaluate")}
    assert set(planned(snakemake(*run, "--dry-run", cwd=copy))) == jobs | {("draw_figure", "fig2a")}
    done = snakemake(*run, cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.read_bytes() == old for path, old in zip(first, before, strict=True)] == [True, True, False]
    second = results / "distill/one_seed1"
    assert (second / "set.safetensors").read_bytes() != before[0]
    assert (second / "training.png").exists()
    seeds = [pd.read_csv(results / f"evaluate/{name}.csv")["seed"].unique().tolist() for name in ("one", "one_seed1")]
    assert seeds == [[0], [1]]
    assert planned(snakemake(*run, "--dry-run", cwd=copy)) == []
    publish(results, copy / "published")
    runs = pd.read_csv(copy / "published/runs.csv")
    assert runs[["experiment", "seed"]].to_numpy().tolist() == [["one", 0], ["one_seed1", 1]]
