"""A study: every combination of some settings of an experiment, in one table and one picture."""

import pandas as pd
import pytest

from dd.plan.plan import Plan
from dd.report.tables.grid import grid_table, summary
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged

STUDY = {
    "experiment": "mnist_fixed",
    "vary": {"images_per_class": [1, 2], "distill_lr": [0.02, "1e-1"], "seed": [0, 1]},
}
COMMON = {
    "kind": "evaluation",
    "dataset": "mnist",
    "source": "",
    "net": "LeNet",
    "init": "fixed",
    "steps": 1,
    "epochs": 3,
}


def planned(study, **more):
    return Plan(merged(load_yaml(ROOT / "config.yaml"), {"grids": {"mine": study}, "all": ["mine"], **more}))


def measured(path, *accuracies):
    rows = [
        COMMON | {"distilled_images": 10, "held_out_net": net, "stage": stage, "test_images": 500, "accuracy": value}
        for net, value in enumerate(accuracies)
        for stage in ("before", "after")
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(path)


@pytest.fixture
def points(tmp_path):
    """Two numbers of images, each with two seeds, each with two nets."""
    accuracies = {
        "images=1,seed=0": (50, 54),
        "images=1,seed=1": (60, 64),
        "images=2,seed=0": (70, 71),
        "images=2,seed=1": (70, 71),
    }
    return [(told, measured(tmp_path / f"{told}.csv", *values)) for told, values in accuracies.items()]


def test_every_combination_is_an_experiment():
    plan = planned(STUDY)
    names = plan.targets.artefact("mine").experiments()
    assert len(names) == 8
    entry = plan.config.all_experiments["mnist_fixed_images_per_class2_distill_lr1e_1_seed1"]
    assert (entry.images_per_class, entry.distill_lr, entry.seed, entry.dataset) == (2, 0.1, 1, "mnist")
    command = plan.targets.command("mine")
    point = "images_per_class=1,distill_lr=0.02,seed=0"
    assert f"--point {point} results/paper/evaluate/mnist_fixed_images_per_class1_distill_lr0_02_seed0.csv" in command


def test_the_summary_tells_nets_from_seeds(points):
    found = summary(grid_table(points))
    assert found["images"].tolist() == ["1", "2"]
    assert found["accuracy"].tolist() == [57.0, 70.5]
    assert found["over_nets"].tolist() == pytest.approx([8**0.5, 0.5**0.5])
    assert found["over_seeds"].tolist() == pytest.approx([50**0.5, 0])
    assert found[["seeds", "nets"]].values.tolist() == [[2, 4], [2, 4]]


def test_one_set_has_no_deviation_over_seeds(points):
    (row,) = summary(grid_table(points[:1])).itertuples()
    assert pd.isna(row.over_seeds)
    assert (row.accuracy, row.seeds, row.nets) == (52.0, 1, 2)


def test_the_command_writes_table_and_picture(points, dd, tmp_path):
    words = [word for point in points for word in ("--point", *point)]
    out = [tmp_path / f"study.{ending}" for ending in ("csv", "md", "svg", "html")]
    done = dd("grid", *words, *(word for path in out for word in ("--out", path)))
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(out[0])) == 8
    assert "57.0" in out[1].read_text()
    assert "images 2" in out[2].read_text()
    assert "<svg" in out[3].read_text()


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (STUDY | {"experiment": "mnist"}, "grids.mine: no experiment 'mnist'; did you mean"),
        (STUDY | {"vary": {}}, "grids.mine.vary: is empty; give at least 1"),
        (STUDY | {"vary": {"steps": []}}, "grids.mine.vary.steps: is empty; give at least 1"),
        (STUDY | {"vary": {"steps": [1, 1]}}, "grids.mine.vary.steps: 1 is listed twice; remove one"),
        (STUDY | {"vary": {"stepps": [1]}}, "unknown key 'stepps'; did you mean steps?"),
        (STUDY | {"vary": {"steps": [0]}}, "steps: 0 must be at least 1"),
    ],
)
def test_mistakes_are_told(study, message):
    with pytest.raises(UserError) as refused:
        planned(study).targets.files_of("mine")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_points_of_other_settings_are_refused(points):
    with pytest.raises(UserError, match="'steps=1' is not key=value,key=value with the keys of the other points"):
        grid_table([points[0], ("steps=1", points[1][1])])
