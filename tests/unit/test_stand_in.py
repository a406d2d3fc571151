"""A network trained on SVHN by others stands in for the paper's in Table 2: a task of its own, with its rivals."""

from dd.report.measurements import DatasetInfo
from dd.report.tables import TABLES
from dd.report.tables.table_rows import paper_table
from tests.unit.test_plan import planned
from tests.unit.test_tables import baseline, evaluated


def test_rivals_of_a_net_from_a_file_are_measured_beside_it_without_those_that_need_its_images():
    plan = planned({"tables": {"table2": ["svhn_cnn_mnist", "mnist_usps_fixed"]}})
    measured = {path.partition("paper/")[2] for path in plan.targets.inputs("table2")["measured"]}
    rivals = {f"baseline/svhn_cnn_mnist/{name}.csv" for name in ("random", "optimized", "k_means", "average")}
    ours = {f"evaluate/{name}.csv" for name in ("svhn_cnn_mnist", "mnist_usps_fixed")}
    assert measured == ours | rivals | {"adapt/svhn_cnn_mnist/full.csv"}
    assert plan.experiments.source("svhn_cnn_mnist", "full") == []
    assert "results/data/weights/svhn_cnn.safetensors" in plan.targets.downloads()


def test_a_stand_in_has_its_own_task_its_rivals_and_no_number_of_the_paper():
    moved = {"dataset": "mnist_rgb_32", "source": "ccexam_svhn"}
    measured = [
        evaluated("fixed_pretrained", [97.5], **moved),
        baseline("average", [93.0], [1.0], lr=0.1, epochs=5, init="fixed_pretrained", **moved),
    ]
    rows = paper_table(TABLES["table2"], measured, "laptop", [DatasetInfo("mnist_rgb_32", "mnist", "bit-exact")])
    assert rows["task"].unique().tolist() == ["ccexam_svhn → mnist"]
    assert rows["method"].tolist() == ["fixed_pretrained", "average", "none"]
    assert rows["accuracy"].tolist() == [97.5, 93.0, 10.0]
    assert rows["paper"].isna().all()
