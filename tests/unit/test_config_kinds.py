"""What each kind of figure and table is made of."""

import pytest

from dd.baselines import BASELINES
from dd.plan.plan import Plan
from tests.conftest import ROOT, load_yaml


@pytest.fixture(scope="module")
def paper():
    return Plan(load_yaml(ROOT / "config.yaml"))


def test_points_of_curves_are_experiments(paper):
    assert len(paper.experiments.names) == 16 + 30
    point = paper.config.all_experiments["mnist_random_epochs2_steps4"]
    assert (point.steps, point.epochs, point.dataset) == (4, 2, "mnist")
    # a setting that is as in its experiment does not show in the name of a point
    assert paper.config.points["mnist_random_epochs2"].changed == {"epochs": 2}
    assert paper.targets.subcategory("mnist_random_epochs2") == "points of curves"
    assert paper.targets.subcategory("mnist_random") == "experiments"


def test_curves_draw_their_points_in_order(paper):
    fig5 = paper.targets.artefact("curves", "fig5")
    line = fig5.options().split("--line ")[2]
    names = [path.rpartition("/")[2] for path in line.split()[-1].split(",")]
    assert line.startswith("MNIST 'one step' distilled_images results/paper/evaluate/")
    assert names == [
        "mnist_random_epochs1_steps1.csv",
        *(f"mnist_random_epochs1_images_per_class{n}_steps1.csv" for n in (2, 5, 10)),
    ]
    measured = [path for line in fig5.options().split("--line ")[1:] for path in line.split()[-1].split(",")]
    assert fig5.inputs() == {"metrics": sorted(set(measured))}


def test_pictures_show_their_steps(paper):
    fig2b = paper.targets.artefact("figures", "fig2b")
    assert fig2b.options() == "--steps 1,3,5,7,10"
    assert fig2b.inputs() == {
        "set": ["results/paper/distill/cifar10_fixed/set.safetensors"],
        "metrics": ["results/paper/evaluate/cifar10_fixed.csv"],
    }


@pytest.mark.parametrize(
    ("table", "experiments", "compared", "others"),
    [
        ("table1", 4, ["mnist_random", "cifar10_random"], [f"baseline/{{}}/{name}" for name in BASELINES]),
        (
            "table2",
            6,
            ["mnist_usps_random", "usps_mnist_random", "svhn_mnist_random"],
            [
                *(f"baseline/{{}}/{name}" for name in ("random", "optimized", "k_means", "average")),
                "adapt/{}/fada",
                "adapt/{}/full",
            ],
        ),
        (
            "table3",
            2,
            ["voc_alexnet", "cub_alexnet"],
            ["baseline/{}/random", "baseline/{}/optimized", "baseline/{}/average", "adapt/{}/full"],
        ),
    ],
)
def test_tables_hold_what_the_paper_compares(paper, table, experiments, compared, others):
    measured = paper.targets.artefact("tables", table).inputs()["measured"]
    assert len([path for path in measured if "/evaluate/" in path]) == experiments
    expected = {f"results/paper/{other.format(name)}.csv" for name in compared for other in others}
    assert {path for path in measured if "/evaluate/" not in path} == expected


def test_a_table_names_the_data_of_its_pools_too(paper):
    metadata = paper.targets.artefact("tables", "table2").inputs()["metadata"]
    names = ("mnist", "mnist_rgb", "svhn", "usps_28")
    assert metadata == [f"results/data/{name}.json" for name in names]


def test_bars_have_the_real_images_that_are_trained_on(paper):
    metrics = paper.targets.artefact("bars", "fig6").inputs()["metrics"]
    assert metrics[:2] == [f"results/paper/evaluate/{name}_poison.csv" for name in ("mnist", "cifar10")]
    assert len(metrics) == 2 + 2 * 4
