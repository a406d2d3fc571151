"""Tables: the arithmetic, and what stands in them."""

import html
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dd.evaluation.protocols import PROTOCOLS
from dd.report.measurements import DatasetInfo, pooled, read_evaluation
from dd.report.tables import TABLES
from dd.report.tables.table import reported
from dd.report.tables.table_rows import paper_table
from dd.report.tables.transfer import TRANSFER_WRITERS, transfer_table
from dd.report.tables.writing import TABLE_WRITERS
from dd.runtime.errors import UserError

SETTING = {"steps": 10, "distilled_images": 100}


def evaluated(init, accuracies, dataset="mnist", source=""):
    rows = [
        {
            "dataset": dataset,
            "source": source,
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
        "source": "",
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
    rows = pd.DataFrame({"accuracy": accuracies.mean(1), "accuracy_std": accuracies.std(1, ddof=1), "nets": 20})
    found = pooled(rows)
    assert found.mean == pytest.approx(accuracies.mean())
    assert found.std == pytest.approx(accuracies.std(ddof=1))
    assert (found.nets, found.sets) == (20, 4)
    within, between = accuracies.var(1, ddof=1).mean(), accuracies.mean(1).var(ddof=1)
    assert found.error == pytest.approx((between / 4 + within / 20) ** 0.5)
    assert found.sets_std == pytest.approx(between**0.5)
    one_net = pooled(pd.DataFrame({"accuracy": [70.0, 80.0], "accuracy_std": [math.nan] * 2, "nets": 1}))
    assert (one_net.std, one_net.error) == (pytest.approx(50**0.5), pytest.approx(5.0))


@pytest.fixture
def table():
    measured = [
        baseline("knn_k_means", [92.0], [0.0], metric="l2", neighbours=1),
        evaluated("random", [80.0, 90.0]),
        baseline("random", [60.0, 70.0], [3.0, 4.0], lr=0.1, epochs=5),
        evaluated("fixed", [95.0]),
        evaluated("fixed", [50.0], "digits"),
    ]
    return paper_table(TABLES["table1"], measured, "laptop", [DatasetInfo("mnist", "mnist", "bit-exact")])


def test_rows_are_in_the_papers_order_with_its_numbers(table):
    assert list(table["label"][:4]) == ["Ours, fixed init", "Ours, random init", "Random real", "k-means, K-NN"]
    assert list(table["paper"][:4]) == [96.6, 79.5, 68.6, 92.2]
    assert table["accuracy"].tolist() == [95.0, 85.0, 65.0, 92.0, 50.0]
    assert table["std"][1] == pytest.approx(50**0.5)
    assert table["nets"][2] == 20
    assert table["task"].iloc[4] == "digits"
    assert np.isnan(table["paper"].iloc[4])


@pytest.mark.parametrize("changed", [{"steps": 1}, {"epochs": 2}, {"distilled_images": 10}, {"net": "AlexCifarNet"}])
def test_the_papers_number_stands_beside_its_own_setting_only(changed):
    table = paper_table(TABLES["table1"], [evaluated("fixed", [95.0]).assign(**changed)], "laptop", [])
    assert np.isnan(table["paper"].iloc[0])


@pytest.mark.parametrize("init", ["fixed", "random_pretrained"])
def test_baselines_of_other_initial_weights_have_no_number_of_the_paper(init):
    rows = baseline("random", [60.0, 70.0], [3.0, 4.0], lr=0.1, epochs=5)
    table = paper_table(TABLES["table1"], [rows, rows.assign(baseline="average", init=init)], "laptop", [])
    assert table["paper"].isna().tolist() == [False, True]


def test_a_row_without_a_number_of_the_paper_comes_last_with_a_dash_beside_it():
    table = replace(TABLES["table1"], rows=(*TABLES["table1"].rows, "middle"))
    measured = [baseline(name, [60.0], [3.0], lr=0.1, epochs=5) for name in ("middle", "random")]
    rows = paper_table(table, measured, "laptop", [])
    assert rows["method"].tolist() == ["random", "middle"]
    assert rows["paper"].isna().tolist() == [False, True]
    assert re.search(r"\| middle +\| 60.0 ± 3.0 +\| — ", TABLE_WRITERS[".md"](table, rows))


def test_numbers_of_the_paper_that_do_not_fit_the_rows_are_refused():
    with pytest.raises(UserError, match=r"2 numbers of the paper for the 3 rows fixed, average, middle; name a row"):
        reported(("fixed", "average", "middle"), (90.0,), (50.0, 1.0))


def test_one_net_and_one_set_have_no_deviation():
    one = baseline("average", [60.0], [0.0], lr=0.1, epochs=5).assign(nets=1)
    table = paper_table(
        TABLES["table1"], [one, baseline("random", [60.0], [0.0], lr=0.1, epochs=5, augment=True)], "x", []
    )
    assert table.set_index("method")["std"].isna().to_dict() == {"average": True, "random": False}
    assert table["combination"].tolist() == ["rate 0.1, 5 epochs, augmented", "rate 0.1, 5 epochs"]


@pytest.mark.parametrize("change", [{"net": ["LeNet", "MLP"] * 2}, {"protocol": "dc"}, {"stage": "after"}])
def test_other_networks_and_protocols_are_no_measurement_of_a_set(tmp_path, change):
    path, table = tmp_path / "accuracy.csv", evaluated("random", [80.0, 90.0])
    table.assign(protocol="native").to_csv(path)
    assert len(read_evaluation(path, "before", "after")) == 4
    table.assign(**change).to_csv(path)
    with pytest.raises(UserError, match=r"it has no nets before training|`python -m dd transfer` shows those"):
        read_evaluation(path, "before", "after")


def test_sets_of_one_name_are_never_one_row(tmp_path):
    paths = [tmp_path / f"{scale}/mnist.csv" for scale in ("laptop", "paper")]
    for path in paths:
        path.parent.mkdir()
        evaluated("random", [80.0, 90.0]).assign(protocol="native").to_csv(path)
    assert len(transfer_table(paths[:1])) == 1
    with pytest.raises(UserError, match="two files are named mnist"):
        transfer_table(paths)


def carried(path, accuracy, **which):
    """A file of `dd evaluate --protocol`, with what it says of its set."""
    path.parent.mkdir(exist_ok=True)
    table = evaluated("random", [accuracy, accuracy])
    table.assign(**{"protocol": "native"} | which).to_csv(path, index=False)
    return path


def test_the_transfer_table_names_the_sets_whatever_the_files_are_called(tmp_path):
    first = carried(tmp_path / "a/accuracy.csv", 80.0, set="001", set_digest="sha256:a")
    second = carried(tmp_path / "b/accuracy.csv", 90.0, set="mnist", set_digest="sha256:b")
    other = carried(tmp_path / "b/slow.csv", 95.0, set="mnist", set_digest="sha256:b", protocol="dc")
    old = carried(tmp_path / "old.csv", 70.0)
    table = transfer_table([first, second, other, old])
    assert table[["set", "protocol", "accuracy"]].to_numpy().tolist() == [
        ["001", "native", 80.0],
        ["mnist", "native", 90.0],
        ["mnist", "dc", 95.0],
        ["old", "native", 70.0],
    ]


def test_sets_of_one_name_are_told_apart_by_their_files(tmp_path):
    paths = [
        carried(tmp_path / f"{folder}/{name}.csv", accuracy, set="mnist", set_digest=f"sha256:{folder}")
        for folder, name, accuracy in (("a", "short", 80.0), ("b", "long", 90.0), ("c", "long", 95.0))
    ]
    table = transfer_table(paths[:2])
    assert dict(zip(table["set"], table["accuracy"], strict=True)) == {"mnist of short": 80.0, "mnist of long": 90.0}
    with pytest.raises(UserError, match="two files are named long, and of two sets"):
        transfer_table(paths)


def test_a_set_is_measured_once(tmp_path):
    paths = [carried(tmp_path / f"{name}.csv", 80.0, set="mnist", set_digest="sha256:a") for name in ("one", "two")]
    with pytest.raises(UserError, match=r"two.csv: has set mnist with LeNet by native, which is there already"):
        transfer_table(paths)


def test_numbers_made_in_another_way_stand_alone_and_say_so():
    soft = {"beyond": "soft_labels, momentum 0.5"}
    measured = [
        evaluated("random", [80.0, 90.0]).assign(**soft),
        baseline("random", [60.0], [3.0], lr="learned", epochs=3).assign(**soft),
        evaluated("fixed", [95.0]).assign(beyond=float("nan")),  # as an empty one is read
    ]
    table = paper_table(TABLES["table1"], measured, "laptop", []).set_index("method")
    assert table["paper"].isna().to_dict() == {"fixed": False, "random init": True, "random": True}
    assert table["beyond"].tolist() == ["", *[soft["beyond"]] * 2]
    assert table["combination"].tolist() == [
        "as distilled",
        "as distilled, soft_labels, momentum 0.5",
        "learned rates, 3 epochs",
    ]
    text = TABLE_WRITERS[".md"](TABLES["table1"], table.reset_index())
    said = (
        "MNIST: Ours, random init, Random real: of a set with soft_labels, momentum 0.5, not the paper's way: "
        "the paper has no number of that"
    )
    assert said in text


def test_every_format_says_number_scale_fidelity_and_choice(table):
    for suffix in (".md", ".tex", ".html"):
        text = TABLE_WRITERS[suffix](TABLES["table1"], table)
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
    assert r"85.0 $\pm$ 7.1" in TABLE_WRITERS[".tex"](TABLES["table1"], table)
    assert "| MNIST  | Ours, random init |" in TABLE_WRITERS[".md"](TABLES["table1"], table)
    assert TABLE_WRITERS[".csv"](TABLES["table1"], table).startswith("kind,task,scale,fidelity,method,accuracy")


USPS = DatasetInfo("usps_28", "usps", "8 bit")


def test_table_2_is_by_direction_with_what_the_nets_began_with():
    moved = {"dataset": "usps_28", "source": "mnist"}
    full = evaluated("random_pretrained", [97.0, 98.0], **moved).query("stage == 'after'").assign(method="full")
    measured = [
        full,
        evaluated("random_pretrained", [94.0, 96.0], **moved),
        evaluated("fixed_pretrained", [97.5], **moved),
        baseline("average", [93.0], [1.0], lr=0.1, epochs=5, init="random_pretrained", **moved),
    ]
    table = paper_table(TABLES["table2"], measured, "laptop", [USPS, DatasetInfo("mnist", "mnist", "bit-exact")])
    assert set(table["task"]) == {"mnist → usps"}
    rows = table.set_index("method")
    assert list(rows.index) == ["fixed_pretrained", "random_pretrained", "average", "none", "full"]
    assert rows["accuracy"].tolist() == [97.5, 95.0, 93.0, 10.0, 97.5]
    assert rows["paper"].tolist() == [97.9, 95.4, 93.9, 90.4, 97.3]
    text = TABLE_WRITERS[".md"](TABLES["table2"], table)
    assert "| MNIST → USPS | Ours, random pre-trained" in text
    assert "- SVHN → MNIST: not run at this scale." in text
    assert "MNIST → USPS: 10,000 test images; USPS 8 bit; MNIST bit-exact" in text
    assert r"MNIST $\to$ USPS" in TABLE_WRITERS[".tex"](TABLES["table2"], table)


def test_table_3_leaves_out_numbers_of_other_networks():
    measured = [evaluated("fixed_pretrained", [60.0], "birds10", "efficientnet_lite0")]
    table = paper_table(TABLES["table3"], measured, "laptop", [])
    assert np.isnan(table["paper"].iloc[0])
    assert "VOC2007: not run at this scale." in TABLE_WRITERS[".md"](TABLES["table3"], table)


def test_a_variant_stands_for_its_dataset_where_networks_and_images_must_meet_alone():
    data = [DatasetInfo("mnist", "mnist", ""), DatasetInfo("usps_28", "usps", ""), DatasetInfo("mnist_32", "mnist", "")]
    one = paper_table(TABLES["table1"], [evaluated("random", [80.0], "mnist_32")], "laptop", data)
    assert one["task"].tolist() == ["mnist_32"]
    assert one["paper"].isna().all()
    two = paper_table(TABLES["table2"], [evaluated("random_pretrained", [80.0], "usps_28", "mnist")], "laptop", data)
    assert set(two["task"]) == {"mnist → usps"}
    own = paper_table(TABLES["table2"], [evaluated("random_pretrained", [80.0], "mnist_32", "mnist")], "laptop", data)
    assert set(own["task"]) == {"mnist → mnist_32"}


@pytest.mark.parametrize("shown", [["native"], ["dc"], ["dc", "native"]])
def test_the_transfer_table_explains_the_protocols_in_it_and_no_others(tmp_path, shown):
    path = tmp_path / "mnist.csv"
    pd.concat([evaluated("random", [80.0, 90.0]).assign(protocol=name) for name in shown]).to_csv(path)
    table = transfer_table([path])
    for suffix in (".md", ".html"):
        text = html.unescape(TRANSFER_WRITERS[suffix](table))
        told = [name for name in PROTOCOLS if f"{name}: {PROTOCOLS[name].description}." in text]
        assert told == [name for name in PROTOCOLS if name in shown]
        assert all(f"{name}, %" in text for name in shown)
