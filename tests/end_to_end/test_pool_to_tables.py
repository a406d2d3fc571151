"""From a pool of trained networks to Table 2 and Figure 6, by the commands."""

import re

import pandas as pd

from tests.conftest import TINY_DISTILL
from tests.warm import run_python

SHORT_FADA = """
from functools import partial
from dd.adaptation import fada_training
from dd.__main__ import run
fada_training.FadaConfig = partial(fada_training.FadaConfig, warm_up=10, steps=40)
run()
"""
"""The command, with few steps of FADA."""


def test_from_a_pool_to_table_2_and_figure_6(dd, digits, tmp_path):
    pool, moved = tmp_path / "pool", tmp_path / "digits_moved.npz"
    few = ("--nets", 3, "--epochs", 1, "--batch", 128, "--lr", 0.001)
    for part in ("train", "held-out"):
        out = pool / f"{part}.safetensors"
        done = dd("pool", "train", "--data", digits, "--out", out, "--part", part, "--total", 3, *few)
        assert done.returncode == 0, done.stderr
    assert "held-out: 3 nets, " in dd("pool", "check", pool).stdout
    assert dd("data", "vary", "--data", digits, "--out", moved, "--invert").returncode == 0
    for name, data, more in (("moved", moved, ()), ("poison", digits, ("--attack-class", 0, "--target-class", 1))):
        made = ("--out", tmp_path / f"{name}.safetensors", "--history", tmp_path / f"{name}.history.csv")
        settings = (*TINY_DISTILL[1:], "--init=random_pretrained", "--validation-nets=1", "--meta-steps=2")
        done = dd("distill", "--data", data, "--pool", pool, *made, *settings, *more)
        assert done.returncode == 0, done.stderr
        source = ("--set", tmp_path / f"{name}.safetensors", "--data", data, "--pool", pool)
        done = dd("evaluate", *source, "--out", tmp_path / f"{name}.csv")
        assert "over 3 net(s)" in done.stdout, done.stderr
        judged = ("--draws", 1, "--nets", 1, "--test-nets", 1)
        done = dd("baseline", "average", *source, *judged, "--out", tmp_path / f"{name}.average.csv")
        assert done.returncode == 0, done.stderr
    done = dd("adapt", "full", *source[:2], "--data", digits, "--pool", pool, *few[2:], "--out", tmp_path / "x.csv")
    assert "full: " in done.stdout, done.stderr
    source = ("--set", tmp_path / "moved.safetensors", "--data", moved, "--pool", pool)
    done = dd("adapt", "full", *source, *few[2:], "--out", tmp_path / "full.csv")
    few_shot = ("adapt", "fada", *source, "--source", digits, "--nets", 1, "--out", tmp_path / "fada.csv")
    for nets, finished in ((3, done), (1, run_python("-c", SHORT_FADA, *few_shot))):
        assert f"over {nets} net(s)" in finished.stdout, finished.stderr
        whole, of = re.search(r"(\d+)/(\d+) steps .*\n$", finished.stderr).groups()
        assert whole == of
    metrics = [("--metrics", tmp_path / f"{name}.csv") for name in ("moved", "moved.average", "full", "fada")]
    words = [word for pair in metrics for word in pair]
    table = tmp_path / "table.csv"
    done = dd("table", "table2", *words, "--data", digits, "--data", moved, "--scale", "test", "--out", table)
    assert done.returncode == 0, done.stderr
    assert list(pd.read_csv(table)["method"]) == ["random_pretrained", "average", "fada", "none", "full"]
    words = [word for name in ("poison", "poison.average") for word in ("--metrics", tmp_path / f"{name}.csv")]
    done = dd("bars", *words, "--scale", "test", "--table", tmp_path / "fig6.csv", "--out", tmp_path / "fig6.png")
    assert done.returncode == 0, done.stderr
    assert set(pd.read_csv(tmp_path / "fig6.csv")["measure"]) == {"accuracy", "misled", "others", "clean", "attacked"}
    done = dd("bars", *metrics[0], "--scale", "test", "--table", table, "--out", tmp_path / "fig6.png")
    assert "moved.csv: lacks clean; measure it anew, of a set made for poisoning" in done.stderr
    done = dd("adapt", "fada", *source, "--out", tmp_path / "fada.csv")
    assert "--source: fada needs the data" in done.stderr
    done = dd("adapt", "fada", *source, "--source", digits, "--halve-every", 2, "--out", tmp_path / "fada.csv")
    assert done.returncode == 1
    assert "--halve-every: fada does not take this option" in done.stderr
    kinds = {"moved": "evaluation", "moved.average": "baseline", "full": "adaptation", "fada": "adaptation"}
    for name, kind in kinds.items():
        table = pd.read_csv(tmp_path / f"{name}.csv")
        assert next(iter(table)) == "kind"
        assert set(table["kind"]) == {kind}
    assert dd("evaluate", *source[:2], *source[4:], "--data", digits, "--out", tmp_path / "x.csv").returncode == 0
    assert set(pd.read_csv(tmp_path / "x.csv")["dataset"]) == {"digits"}  # what it is measured on
    out = ("--out", tmp_path / "no.safetensors", "--history", tmp_path / "no.csv")
    done = dd("distill", "--data", digits, "--pool", pool, *out, *TINY_DISTILL, "--meta-steps=1")
    assert "init: fixed takes no weights from a pool or a file" in done.stderr
    assert "name its folder (--pool)" in dd("evaluate", *source[:4], "--out", tmp_path / "x.csv").stderr
