"""Tables: the arithmetic, and what stands in them."""

import numpy as np
import pandas as pd
import pytest

from dd.report.tables import WRITERS, pooled, table_1

SETTING = {"steps": 10, "distilled_images": 100}


def evaluated(init, accuracies, dataset="mnist"):
    rows = [
        {
            "dataset": dataset,
            "net": "LeNet",
            "init": init,
            "epochs": 3,
            **SETTING,
            "held_out_net": i,
            "stage": stage,
            "test_images": 10_000,
            "accuracy": a,
        }
        for i, after in enumerate(accuracies)
        for stage, a in (("before", 10.0), ("after", after))
    ]
    return pd.DataFrame(rows)


def baseline(kind, means, stds, **keys):
    common = {
        "dataset": "mnist",
        "net": "LeNet",
        "init": "random",
        "baseline": kind,
        **SETTING,
        "chosen_on": "held-out",
        **keys,
    }
    pairs = enumerate(zip(means, stds, strict=True))
    rows = [{"draw": d, "accuracy": m, "accuracy_std": s, "nets": 20} for d, (m, s) in pairs]
    stages = [common | row | {"stage": s, "images": n} for row in rows for s, n in (("choice", 2000), ("test", 10_000))]
    return pd.DataFrame(stages)


def test_pooled_is_over_every_set_and_net():
    rng = np.random.default_rng(0)
    accuracies = rng.normal(70, 5, (4, 20)) + rng.normal(0, 8, (4, 1))
    rows = pd.DataFrame({"accuracy": accuracies.mean(1), "accuracy_std": accuracies.std(1), "nets": 20})
    mean, std, nets = pooled(rows)
    assert mean == pytest.approx(accuracies.mean())
    assert std == pytest.approx(accuracies.std())
    assert nets == 20


@pytest.fixture
def table():
    measured = [
        baseline("knn_k_means", [92.0], [0.0], metric="l2", neighbours=1),
        evaluated("random", [80.0, 90.0]),
        baseline("random", [60.0, 70.0], [3.0, 4.0], lr=0.1, epochs=5),
        evaluated("fixed", [95.0]),
        evaluated("fixed", [50.0], "digits"),
    ]
    return table_1(measured, "laptop", {"mnist": "bit-exact"})


def test_rows_are_in_the_papers_order_with_its_numbers(table):
    assert list(table["method"][:4]) == ["Ours, fixed init", "Ours, random init", "Random real", "k-means, K-NN"]
    assert list(table["paper"][:4]) == [96.6, 79.5, 68.6, 92.2]
    assert table["accuracy"].tolist() == [95.0, 85.0, 65.0, 92.0, 50.0]
    assert table["std"][1] == 5.0
    assert table["nets"][2] == 20
    assert table["dataset"].iloc[4] == "digits"
    assert np.isnan(table["paper"].iloc[4])


@pytest.mark.parametrize("changed", [{"steps": 1}, {"epochs": 2}, {"distilled_images": 10}, {"net": "AlexCifarNet"}])
def test_the_papers_number_stands_beside_its_own_setting_only(changed):
    table = table_1([evaluated("fixed", [95.0]).assign(**changed)], "laptop", {})
    assert np.isnan(table["paper"].iloc[0])


def test_every_format_says_number_scale_fidelity_and_choice(table):
    for suffix in (".md", ".tex", ".html"):
        text = WRITERS[suffix](table)
        for said in (
            "85.0",
            "79.5",
            "laptop",
            "bit-exact",
            "held-out training images",
            "10,000",
            "rate 0.1, 5 epochs",
        ):
            assert said in text, (suffix, said)
    assert r"85.0 $\pm$ 5.0" in WRITERS[".tex"](table)
    assert "| MNIST     | Ours, random init |" in WRITERS[".md"](table)
    assert WRITERS[".csv"](table).startswith("dataset,method,accuracy")
