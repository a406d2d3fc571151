"""A run after its settings have changed: Snakemake removes what it makes anew, so no command finds it finished."""

import yaml

from tests.workflow.test_workflow import copy, snakemake  # noqa: F401


def test_results_of_other_settings_are_made_anew(copy):  # noqa: F811
    paths = ["results/tiny/distill/one/set.safetensors", "results/tiny/pools/nets/train-00000.safetensors"]
    tiny = yaml.safe_load((copy / "tiny.yaml").read_text())
    made = []
    for rate in (0.01, 0.02):
        tiny["distill"]["meta_lr"] = tiny["pools"]["nets"]["lr"] = rate
        (copy / "tiny.yaml").write_text(yaml.dump(tiny))
        done = snakemake(*paths, "--configfile", "tiny.yaml", cwd=copy)
        assert done.returncode == 0, done.stdout + done.stderr
        made.append([(copy / path).read_bytes() for path in paths])
    assert all(old != new for old, new in zip(*made, strict=True))
