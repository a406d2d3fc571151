"""Curves and what is said of them."""

import pandas as pd
import pytest

from dd.report.figures.curves_claims import from_table, judge_lines
from dd.report.figures.curves_drawing import curves_picture, make_line, to_table


def measured(x, value, accuracies, steps):
    stages = [("before", 10.0)] * len(accuracies) + [("after", a) for a in accuracies]
    return pd.DataFrame(
        [{"dataset": "mnist", "steps": steps, x: value, "stage": stage, "accuracy": a} for stage, a in stages]
    )


def curve(x, means, label="a", one_step=False):
    steps = {v: 1 if one_step else v // 10 if x == "distilled_images" else v for v in means}
    return make_line("MNIST", label, x, [measured(x, v, [m - 1, m + 1], steps[v]) for v, m in means.items()])


def claims(lines):
    return {one.panel: [str(verdict) for verdict in one.verdicts] for one in judge_lines(lines)}


def test_points_are_sorted_means_over_nets():
    points = curve("steps", {10: 80.0, 1: 50.0}).points
    assert points["x"].tolist() == [1, 10]
    assert points["mean"].tolist() == [50.0, 80.0]
    assert points["std"].tolist() == pytest.approx([2**0.5] * 2)


@pytest.mark.parametrize(
    ("x", "means", "said"),
    [
        ("steps", {1: 50, 5: 70, 10: 75}, ["More steps help: yes (+25.0 points)."]),
        ("steps", {1: 50, 10: 40}, ["More steps help: NO (-10.0 points)."]),
        ("epochs", {1: 50, 3: 60}, ["More epochs help: yes (+10.0 points)."]),
        (
            "epochs",
            {1: 50, 3: 60, 5: 62},
            ["More epochs help: yes (+12.0 points).", "They level off: yes (+5.0, at last +1.0 points an epoch)."],
        ),
        (
            "epochs",
            {1: 50, 2: 51, 5: 62},
            ["More epochs help: yes (+12.0 points).", "They level off: NO (+1.0, at last +3.7 points an epoch)."],
        ),
    ],
)
def test_claims_follow_the_numbers(x, means, said):
    assert claims([curve(x, means)]) == {"MNIST": said}


@pytest.mark.parametrize(("fifth", "holds"), [(52, "yes (+2.0 against +20.0"), (75, "NO (+25.0 against +20.0")])
def test_epochs_against_steps_across_panels(fifth, holds):
    steps, epochs = curve("steps", {1: 50, 10: 70}), curve("epochs", {1: 50, 5: fifth})
    said = claims([steps, epochs._replace(panel="epochs")])
    assert said["epochs"][-1] == f"Epochs help less than steps: {holds} points)."
    assert len(said["MNIST"]) == 1
    elsewhere = epochs._replace(panel="epochs", dataset="cifar10")
    assert len(claims([steps, elsewhere])["epochs"]) == 1


def test_a_claim_of_several_lines_must_hold_of_all():
    up, down = curve("steps", {1: 50, 10: 60}), curve("steps", {1: 50, 10: 40}, "b")
    assert claims([down, up]) == {"MNIST": ["More steps help: NO (-10.0 points; +10.0 points)."]}
    judged = judge_lines([up, down._replace(dataset="cifar10")])
    assert [(one.dataset, [verdict.holds for verdict in one.verdicts]) for one in judged] == [
        ("mnist", [True]),
        ("cifar10", [False]),
    ]
    picture = curves_picture([up, down._replace(dataset="cifar10")], [])
    assert "MNIST: More steps help: yes" in picture.axes[0].get_xlabel()


@pytest.mark.parametrize(("one", "holds"), [({10: 50, 50: 55, 100: 58}, "yes"), ({10: 50, 50: 65, 100: 58}, "NO")])
def test_many_steps_against_one(one, holds):
    many = curve("distilled_images", {10: 49, 50: 60, 100: 70})
    single = curve("distilled_images", one, "b", one_step=True)
    for lines in ([many, single], [single, many]):
        (said,) = claims(lines)["MNIST"]
        assert said.startswith(f"Many steps beat one: {holds}")


def test_nothing_is_said_where_nothing_can_be_compared():
    many = curve("distilled_images", {10: 49, 50: 60})
    assert claims([many]) == {"MNIST": []}
    assert claims([many, curve("distilled_images", {10: 50, 100: 55}, "b", one_step=True)]) == {"MNIST": []}


def test_the_verdict_stands_in_the_picture():
    picture = curves_picture([curve("steps", {1: 50, 5: 70})], ["scale test"])
    assert "More steps help: yes" in picture.axes[0].get_xlabel()
    assert "2 held-out nets" in picture.axes[0].get_title()


def test_lines_not_made_in_the_papers_way_are_named_and_not_judged():
    ours = curve("steps", {1: 50, 5: 70})
    lines = [ours, curve("steps", {1: 70, 5: 50}, "b")._replace(departures="soft_labels")]
    assert claims(lines) == claims([ours])
    picture = curves_picture(lines, ["scale test"])
    assert [text.get_text() for text in picture.axes[0].get_legend().texts] == [ours.label, "b, soft_labels"]
    assert [drawn.departures for drawn in from_table(to_table(lines))] == ["", "soft_labels"]
    assert from_table(to_table(lines).drop(columns="beyond"))[1].departures == "", "an older table"


def test_lines_come_back_from_their_table():
    lines = [curve("steps", {1: 50, 5: 70}), curve("epochs", {1: 50, 3: 60, 5: 62}, "b")]
    again = from_table(to_table(lines))
    assert len(from_table(to_table([lines[0]._replace(label=None), lines[1]]))) == 2  # a CSV has "none" as nothing
    for before, after in zip(lines, again, strict=True):
        assert before[:4] == after[:4]
        pd.testing.assert_frame_equal(before.points, after.points)
