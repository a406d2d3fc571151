"""A run after its settings or code have changed: what a change touches is made anew, and nothing else."""

import yaml

from tests.conftest import own_code
from tests.workflow.test_workflow import copy, planned, snakemake  # noqa: F401


def test_results_of_other_settings_are_made_anew(copy):  # noqa: F811
    """Snakemake removes them before, so no command finds them finished."""
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


def test_only_what_a_change_touches_runs_again(copy):  # noqa: F811
    own_code(copy)
    base = ("--configfile", "tiny.yaml")
    done = snakemake("all", "fig3a", *base, cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    again = ("all", "fig3a", "--dry-run", *base)
    assert planned(snakemake(*again, cwd=copy)) == []

    def change(name, old, new):
        path = copy / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    change("dd/report/figures/image_grid.py", "IMAGE_SIDE = 0.62", "IMAGE_SIDE = 0.63")
    drawn = {("draw_figure", "fig2a"), ("draw_figure", "fig3a"), ("write_page", "one")}
    assert set(planned(snakemake(*again, cwd=copy))) == drawn
    change("dd/report/figures/image_grid.py", "IMAGE_SIDE = 0.63", "IMAGE_SIDE = 0.62")
    change("dd/data/image_folder.py", "LANCZOS", "BICUBIC")  # where other datasets come from
    assert planned(snakemake(*again, cwd=copy)) == []
    change("tiny.yaml", "two:\n    dataset", "two:\n    seed: 1\n    dataset")
    made = ("distill", "draw_training", "evaluate")
    expected = {*((rule, "two") for rule in made), ("draw_figure", "fig3a"), ("write_configuration", "")}
    assert set(planned(snakemake(*again, cwd=copy))) == expected
    change("tiny.yaml", "    seed: 1\n", "")
    change("dd/distill/derivatives.py", "CHUNK_PIXELS = 350_000", "CHUNK_PIXELS = 350_001")
    changed = {rule for rule, _ in planned(snakemake(*again, cwd=copy))}
    assert changed == {"distill", "draw_training", "evaluate", "draw_figure", "compare", "write_page"}
