"""Sets that were made for one net, on newly initialised ones (Section 3.2); and full training from new weights."""

import numpy as np
import pandas as pd
import pytest

from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.evaluation.held_out import evaluate
from dd.report.tables import TABLES
from dd.report.tables.table_rows import paper_table
from dd.runtime.errors import UserError
from tests.unit.test_tables import evaluated

SETTINGS = {"steps": 3, "epochs": 2, "nets": 1, "real_batch": 64, "validation_images": 100, "image_std": 0.5}
LAST = {"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}


def test_a_set_for_one_net_is_tried_on_others(dd, digits, tmp_path):
    """They are the nets on which a set of the same seed for random weights is judged, and stand in Table 1 alone."""
    for init in ("fixed", "random"):
        made = Experiment(DistillConfig(init=init, **SETTINGS), load(digits)).distilled(LAST)
        made.save(tmp_path / f"{init}.safetensors")
    source = ("--set", tmp_path / "fixed.safetensors", "--data", digits, "--nets", 2)
    own, others, full, random = (tmp_path / f"{name}.csv" for name in ("own", "others", "full", "random"))
    assert dd("evaluate", *source, "--out", own).returncode == 0
    done = dd("evaluate", *source, "--random-init", "--out", others)
    assert "over 2 net(s)" in done.stdout, done.stderr
    rows = pd.read_csv(others)
    assert set(zip(rows["init"], rows["made_for"], strict=True)) == {("random", "fixed")}
    before = evaluate(made, load(digits), made.initial(), nets=2).query("stage == 'before'")["accuracy"]
    assert rows.query("stage == 'before'")["accuracy"].tolist() == before.tolist()
    for_random = ("--set", tmp_path / "random.safetensors", "--data", digits, "--nets", 2)
    assert dd("evaluate", *for_random, "--random-init", "--out", random).returncode == 0
    assert "made_for" not in pd.read_csv(random)  # for these it changes nothing
    fast = ("--epochs", 8, "--lr", 0.002, "--batch", 64)
    assert dd("adapt", "full", *for_random, *fast, "--out", full).returncode == 0
    metrics = [word for path in (own, others, random, full) for word in ("--metrics", path)]
    done = dd("table", "table1", *metrics, "--scale", "x", "--out", tmp_path / "table.csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "table.csv").set_index("method")
    assert table.index.tolist() == ["fixed", "random init", "other inits", "full"]
    assert table.loc["other inits", "label"] == "Ours, fixed init, on other inits"
    assert table.loc["full", "accuracy"] > 85  # trained from new weights
    assert set(table["net"]) == {"LeNet"}
    done = dd("figure", *source[:2], "--metrics", others, "--out", tmp_path / "x.png")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nets of init random on a set that was made for fixed" in done.stderr


def test_full_training_and_other_inits_stand_beside_table_1():
    full = evaluated("random", [98.0, 99.0]).query("stage == 'after'").assign(method="full")
    others = evaluated("random", [10.0, 12.0]).assign(made_for="fixed")
    measured = [full, others, evaluated("random", [80.0, 90.0]), evaluated("fixed", [95.0])]
    table = paper_table(TABLES["table1"], measured, "laptop", []).set_index("method")
    assert table["accuracy"].to_dict() == {"fixed": 95.0, "random init": 85.0, "other inits": 11.0, "full": 98.5}
    assert table["paper"].tolist()[:2] + table["paper"].tolist()[3:] == [96.6, 79.5, 99.0]
    assert np.isnan(table["paper"]["other inits"])
    assert np.isnan(table["paper_std"]["full"])
    with pytest.raises(UserError, match="no row for sets of init fixed_pretrained on nets of init random"):
        paper_table(TABLES["table1"], [others.assign(made_for="fixed_pretrained")], "laptop", [])
