"""Figure 1: what its lines say, and the paper's numbers beside them. The report's test draws one in a real run."""

import pandas as pd
import pytest

from dd.report.comparison import Measurement
from dd.report.figures.overview_numbers import overview_row, overview_table
from tests.unit.test_compare import rows

POISON = {"init": "random_pretrained", "net": "AlexCifarNet", "steps": 1, "epochs": 1, "distilled_images": 100}
POISON |= {"attack_class": 0, "target_class": 1}


def evaluated(dataset, source="", *, before, after, **setting):
    """A CSV of `dd evaluate` on two nets."""
    common = {"dataset": dataset, "source": source, "test_images": 1000, "beyond": "", "fidelity": "official"} | setting
    return pd.DataFrame(
        [
            common | {"held_out_net": net, "stage": stage} | {name: value + net for name, value in values.items()}
            for net in range(2)
            for stage, values in (("before", before), ("after", after))
        ]
    )


@pytest.fixture
def attack():
    before, after = (
        {"accuracy": 70.0, "misled": 1.0, "attacked": 81.0},
        {"accuracy": 75.0, "misled": 40.0, "attacked": 7.0},
    )
    table = evaluated("cifar10", "cifar10", before=before, after=after, **POISON)
    return overview_row(table, "cifar10", "test")


def test_a_poisoned_line_is_about_the_attacked_class(attack):
    assert (attack["measure"], attack["before"], attack["after"]) == ("attacked", 81.5, 7.5)
    assert (attack["before_std"], attack["nets"]) == (pytest.approx(0.5**0.5), 2)


def test_the_papers_numbers_stand_beside_it(attack):
    mnist = {"init": "fixed", "net": "LeNet", "steps": 1, "epochs": 3, "distilled_images": 10}
    few = evaluated("mnist", before={"accuracy": 12.0}, after={"accuracy": 90.0}, **mnist)
    table = overview_table([overview_row(few, "mnist", "test"), attack])
    found = rows({"fig1": Measurement("overview", table)}, where="fig1", kind="number")
    verdicts = {(row["task"], row["what"]): row["verdict"] for _, row in found.iterrows()}
    assert verdicts == {
        ("mnist", "accuracy, before training"): "the same",
        ("mnist", "accuracy, after training"): "worse",
        ("cifar10", "accuracy, before training"): "not run",
        ("cifar10", "accuracy, after training"): "not run",
        ("cifar10", "accuracy, attacked class, before training"): "the same",
        ("cifar10", "accuracy, attacked class, after training"): "the same",
        ("svhn → mnist", "accuracy, before training"): "not run",
        ("svhn → mnist", "accuracy, after training"): "not run",
    }
    for change in ({"steps": 10}, {"target_class": 5}):
        other = overview_table([attack | change])
        assert set(rows({"fig1": Measurement("overview", other)}, where="fig1")["verdict"]) == {"not run"}
    both = overview_table([attack, attack | {"steps": 10}])  # whichever comes last, the paper's setting counts
    assert "the same" in set(rows({"fig1": Measurement("overview", both)}, where="fig1")["verdict"])
