"""The attacker's labels, what is measured of poisoned nets, and which baseline counts as best."""

import pandas as pd
import pytest
import torch

from dd.baselines import BASELINES
from dd.baselines.grid import best_combination, measure
from dd.baselines.settings import BaselineSettings
from dd.baselines.trial import BaselineTrial
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.loss import poisoned
from dd.distill.metrics import poisoning
from dd.distill.settings import POISONING, DistillConfig
from dd.evaluation.held_out import evaluate
from dd.report.figures.poisoning_claims import judge_attack, paper_setting
from dd.report.figures.poisoning_drawing import poisoning_picture, poisoning_rows
from dd.runtime.errors import UserError

ATTACK = {"attack_class": 3, "target_class": 5}
SMALL = {"epochs": 1, "steps": 1, "images_per_class": 2, "real_batch": 64, "validation_images": 100, "meta_steps": 3}
LAST = {"accuracy": 1.0, "accuracy_std": 0.0, "nets": 1}


def test_labels_of_the_attack_class_become_the_target():
    assert poisoned(torch.tensor([3, 5, 0, 3]), attack_class=3, target_class=5).tolist() == [5, 5, 0, 5]
    assert poisoned(torch.tensor([3, 5, 0]), attack_class=-1, target_class=-1).tolist() == [3, 5, 0]


def test_what_is_measured():
    y = torch.tensor([3, 3, 3, 3, 5, 5, 0, 1])
    predicted = torch.tensor([[5, 5, 5, 3, 5, 5, 0, 0], [3, 3, 3, 3, 5, 5, 0, 1]])
    measured = poisoning(predicted, y, attack_class=3, target_class=5)
    assert measured["misled"].tolist() == [75, 0]
    assert measured["others"].tolist() == [75, 100]
    assert measured["accuracy"].tolist() == [75, 50]
    assert measured["clean"].tolist() == [50, 100]
    assert measured["attacked"].tolist() == [25, 100]


@pytest.mark.parametrize(
    ("accuracy", "misled", "best"),
    [([80, 90, 70], [50, 5, 20], 0), ([80, 90, 70], [50, 10, 20], 1), ([80, 90, 70], [1, 2, 3], 2)],
    ids=["too low rates do not count", "ten percent do", "none misleads enough"],
)
def test_the_best_combination_misleads(accuracy, misled, best):
    rates = ["a", "b", "c"]
    rows = pd.DataFrame({"lr": rates, "epochs": 1, "accuracy": accuracy, "misled": misled})
    keys = ["lr", "epochs"]
    assert best_combination(rows, keys)[keys].tolist() == [rates[best], 1]
    assert best_combination(rows.drop(columns="misled"), keys)[keys].tolist() == ["b", 1]


@pytest.fixture(scope="module")
def attack(digits):
    return Experiment(DistillConfig(**SMALL, **ATTACK, nets=1), load(digits))


def test_the_objective_has_the_attackers_labels_and_the_images_their_own(attack, digits):
    assert not (attack.trainer.real.images.y == 3).any()
    assert not (attack.validation[1] == 3).any()
    assert attack.trainer.learned.labels[0].tolist() == [c for c in range(10) for _ in range(2)]
    plain = Experiment(DistillConfig(**SMALL, nets=1), load(digits))
    assert ((attack.trainer.real.images.y == 5).sum() - (plain.trainer.real.images.y == 5).sum()) == (
        plain.trainer.real.images.y == 3
    ).sum()


def test_from_baselines_and_evaluation_to_the_figure(attack, digits):
    data, distilled = load(digits), attack.distilled(LAST)
    ours = evaluate(distilled, data, attack.initial, nets=2)
    assert {*POISONING, "attack_class"} <= set(ours)
    trial = BaselineTrial(distilled, data, attack.initial, BaselineSettings(draws=2, nets=2, test_nets=2))
    images = torch.zeros(1, 20, 1, 28, 28)
    assert trial.labels(images)[0, 6:8].tolist() == [5, 5]
    table = measure(BASELINES["random"], trial)
    assert set(table["epochs"]) == {1}  # one GD step
    twice = Experiment(DistillConfig(**SMALL | {"epochs": 2}, **ATTACK, nets=1), data)
    few = BaselineSettings(nets=1, test_nets=1)
    fair = measure(BASELINES["average"], BaselineTrial(twice.distilled(LAST), data, twice.initial, few))
    assert set(fair["epochs"]) == {2}  # as many as the attacker's own
    rows = poisoning_rows([table, ours], "tiny")
    assert list(dict.fromkeys(rows["method"])) == ["ours", "random"]
    after = ours[ours["stage"] == "after"]
    mean = rows.set_index(["method", "measure"])["mean"]
    assert mean["ours", "misled"] == pytest.approx(after["misled"].mean())
    before = rows.set_index(["method", "measure"]).loc[("ours", "clean"), ["before", "before_std"]].tolist()
    untrained = ours.loc[ours["stage"] == "before", "clean"]
    assert before == pytest.approx([untrained.mean(), untrained.std()])
    for wrong in ([table], [table, table, ours], [table, ours, ours]):
        with pytest.raises(UserError, match="digits needs one table of `dd evaluate`, and one at most of each"):
            poisoning_rows(wrong, "tiny")
    assert mean["random", "others"] == pytest.approx(table[table["stage"] == "test"]["others"].mean())
    gap = mean["ours", "accuracy"] - mean["random", "accuracy"]
    told = f"{'yes' if gap > 0 else 'NO'} ({gap:+.1f} points"
    assert str(judge_attack(rows.assign(error=0.0, before_error=0.0))[0]).endswith(f"{told}).")
    by_chance = [verdict.detail for verdict in judge_attack(rows.assign(error=100.0, before_error=0.0))]
    assert [detail.rpartition("; ")[2] for detail in by_chance] == [
        *["two standard errors are 282.8"] * 2,  # of ours and of the best baseline
        "two standard errors are 200.0",
    ]
    assert len(poisoning_picture(rows).axes) == 3
    assert set(rows["beyond"]) == {""}
    assert (
        poisoning_picture(rows).get_supxlabel()
        == "scale tiny, final state, test images\ndigits: as its source gives it"
    )
    papers = rows.assign(dataset="mnist", **paper_setting("mnist"))
    drawn = [poisoning_picture(these).axes[1].get_legend() for these in (papers, papers.assign(steps=10))]
    assert (drawn[0].texts[0].get_text(), drawn[1]) == ("paper, ours: 71.4", None)
    picture = poisoning_picture(rows.assign(beyond="momentum 0.5"))
    assert picture.axes[1].get_xlabel() == "with momentum 0.5, which is not the paper's way"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attack_class": 3}, "target_class: is missing; poisoning needs attack_class and target_class"),
        ({"attack_class": 3, "target_class": 3}, "is the attack_class itself"),
        ({"attack_class": 3, "target_class": 10}, "target_class: 10, but digits has classes 0 to 9"),
    ],
)
def test_classes_that_make_no_attack(digits, settings, message):
    with pytest.raises(UserError, match=message):
        Experiment(DistillConfig(**SMALL, **settings), load(digits))
