"""What a run makes and needs, asked of the plan itself: no Snakemake starts here."""

import subprocess
import sys

import pytest

from dd.baselines import BASELINES
from dd.config.read import load_yaml, merged
from dd.plan.options import any_of, flags
from dd.plan.plan import Plan
from dd.plan.resources import grow, memory
from dd.runtime.errors import UserError
from tests.conftest import ROOT

PAPER = load_yaml(ROOT / "config.yaml")


def scale(name):
    return merged(PAPER, load_yaml(ROOT / f"workflow/scales/{name}.yaml"))


@pytest.fixture(scope="module")
def paper():
    return Plan(PAPER)


def planned(overlay):
    return Plan(merged(PAPER, overlay))


def test_planning_imports_nothing_heavy():
    heavy = "torch", "numpy", "pandas", "matplotlib", "sklearn", "scipy", "torchvision", "snakemake"
    code = f"import sys, dd.plan.plan; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, ""),
        ({"real_batch": 256, "clip": 0.5}, "--real-batch 256 --clip 0.5"),
        ({"soft_labels": True, "shuffle_steps": False}, "--soft-labels"),
        ({"folder": "my photos"}, "--folder 'my photos'"),
    ],
)
def test_settings_become_options(settings, options):
    assert flags(settings) == options


def test_a_wildcard_of_nothing_matches_nothing():
    assert any_of(["one", "two"]) == "one|two"
    assert any_of([]) == "(?!)"


def test_resources_grow_with_attempts_threads_and_networks():
    assert [grow(60)(None, attempt) for attempt in (1, 2)] == [60, 120]
    assert memory("LeNet", 1, 1) == 4000
    assert memory("LeNet", 3, 2) == 2 * (2000 + 3 * 2000)
    assert memory("AlexNet", 1, 1) == 10_000
    assert memory("my_net:MyNet", 1, 1) == 4000


def test_shards_of_a_pool(paper):
    shards = paper.pools.shards("mnist_LeNet")
    assert len(shards) == (2000 + 200) // 40
    assert shards[0] == "results/paper/pools/mnist_LeNet/train-00000.safetensors"
    assert shards[-1] == "results/paper/pools/mnist_LeNet/held-out-00160.safetensors"
    assert paper.pools.options("usps_LeNet", "held-out", 40) == (
        "--part held-out --first 40 --nets 40 --total 200 --net LeNet --init-scheme xavier --epochs 130 --lr 0.0002 "
        "--halve-every 40 --batch 1024 --seed 0"
    )
    odd = planned({"pools": {"mnist_LeNet": {"nets": 41, "held_out": 1}}})
    assert [path.rpartition("/")[2] for path in odd.pools.shards("mnist_LeNet")] == [
        "train-00000.safetensors",
        "train-00040.safetensors",
        "held-out-00000.safetensors",
    ]


def test_shards_of_other_settings_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pool = tmp_path / "results/paper/pools/mnist_LeNet"
    pool.mkdir(parents=True)
    for name in ("train-00040", "held-out-00000", ".train-00041.half"):
        (pool / f"{name}.safetensors").touch()
    Plan(PAPER)
    (pool / "train-00041.safetensors").touch()
    left = "results/paper/pools/mnist_LeNet/train-00041.safetensors is left from other values of nets"
    with pytest.raises(UserError, match=f"config: pools.mnist_LeNet: {left}"):
        Plan(PAPER)


def test_what_an_experiment_reads(paper):
    data = paper.experiments.data("mnist_usps_random")
    assert data["npz"] == "results/data/usps_28.npz"
    assert data["json"] == "results/data/usps_28.json"
    assert data["pool"] == paper.pools.shards("mnist_LeNet")
    assert paper.experiments.pool_option("mnist_usps_random") == "--pool results/paper/pools/mnist_LeNet"
    assert paper.experiments.weights("mnist_usps_random") == []
    assert paper.experiments.data("voc_alexnet")["pool"] == []
    assert paper.experiments.pool_option("voc_alexnet") == ""
    assert paper.experiments.weights("voc_alexnet") == ["results/data/weights/alexnet.safetensors"]


def test_options_of_an_experiment_are_its_own_over_the_common_ones(paper):
    options = paper.experiments.options("mnist_fixed")
    assert options.startswith("--net LeNet --init fixed --init-scheme xavier ")
    assert "--steps 1 " in options
    assert "--nets 1 " in options
    assert "--dataset" not in options
    assert "--soft-labels" not in options
    soft = planned({"experiments": {"mnist_fixed": {"soft_labels": True}}}).experiments
    assert "--soft-labels" in soft.options("mnist_fixed")
    assert "--soft-labels" not in soft.options("mnist_random")


def test_points_of_curves_are_experiments(paper):
    assert len(paper.experiments.names) == 16 + 30
    point = paper.config.all_experiments["mnist_random_epochs2_steps4"]
    assert (point.steps, point.epochs, point.dataset) == (4, 2, "mnist")
    # a setting that is as in its experiment does not show in the name of a point
    assert paper.config.points["mnist_random_epochs2"].changed == {"epochs": 2}
    assert paper.targets.subcategory("mnist_random_epochs2") == "points of curves"
    assert paper.targets.subcategory("mnist_random") == "experiments"


def test_curves_draw_their_points_in_order(paper):
    fig5 = paper.targets.artefact("fig5")
    words = fig5.arguments()
    lines = [words[at + 1 : at + 5] for at, word in enumerate(words) if word == "--line"]
    paths = lines[1].pop().split(",")
    assert lines[1] == ["MNIST", "one step", "distilled_images"]
    assert paths == [
        "results/paper/evaluate/mnist_random_epochs1_steps1.csv",
        *(f"results/paper/evaluate/mnist_random_epochs1_images_per_class{n}_steps1.csv" for n in (2, 5, 10)),
    ]
    measured = [*paths, *(path for line in lines if len(line) == 4 for path in line[3].split(","))]
    assert fig5.inputs() == {"metrics": sorted(set(measured))}


def test_pictures_show_their_steps(paper):
    fig2b = paper.targets.artefact("fig2b")
    assert fig2b.arguments()[-2:] == ["--steps", "1,3,5,7,10"]
    assert fig2b.inputs() == {
        "set": ["results/paper/distill/cifar10_fixed/set.safetensors"],
        "metrics": ["results/paper/evaluate/cifar10_fixed.csv"],
    }


def test_commands_are_whole(paper):
    assert paper.targets.command("fig2a") == (
        "figure --set results/paper/distill/mnist_fixed/set.safetensors "
        "--metrics results/paper/evaluate/mnist_fixed.csv --steps 1 "
        "--out results/paper/figures/fig2a.png --out results/paper/figures/fig2a.pdf"
    )
    assert paper.targets.command("fig4").startswith("curves --line 'MNIST: steps' '2 epochs' steps results/paper/")
    assert " --note 'scale paper, final state, test images' --table results/" in paper.targets.command("fig4")
    assert paper.targets.command("linear_case") == (
        "linear-figure --metrics results/paper/linear/linear_case.csv "
        "--out results/paper/figures/linear_case.png --out results/paper/figures/linear_case.pdf"
    )
    table = paper.targets.command("table3")
    assert table.startswith("table table3 --metrics results/paper/evaluate/voc_alexnet.csv ")
    files = " ".join(f"--out results/paper/tables/table3.{ending}" for ending in ("csv", "md", "tex", "html"))
    data = " ".join(f"--data results/data/{name}.json" for name in ("cub200", "voc2007"))
    assert table.endswith(f" {data} --scale paper {files}")


def test_what_the_report_says_of_a_figure(paper):
    assert "Distilled images of experiment ``mnist_fixed``." in paper.targets.artefact("fig2a").caption()
    for name in paper.config.all:
        caption = paper.targets.artefact(name).caption()
        assert "\n" not in caption
        assert "``paper``" in caption or name == "linear_case"


def test_a_change_makes_anew_what_it_concerns(paper):
    assert paper.targets.artefact("fig4").modules() == ("dd.report.figures.curves",)
    assert paper.targets.artefact("table2").modules() == ("dd.report.tables.paper", "dd.report.tables.table2")


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
    measured = paper.targets.artefact(table).inputs()["measured"]
    assert len([path for path in measured if "/evaluate/" in path]) == experiments
    expected = {f"results/paper/{other.format(name)}.csv" for name in compared for other in others}
    assert {path for path in measured if "/evaluate/" not in path} == expected


def test_a_table_names_the_data_of_its_pools_too(paper):
    metadata = paper.targets.artefact("table2").inputs()["metadata"]
    names = ("mnist", "mnist_rgb", "svhn", "usps_28")
    assert metadata == [f"results/data/{name}.json" for name in names]


def test_bars_have_the_real_images_that_are_trained_on(paper):
    metrics = paper.targets.artefact("fig6").inputs()["metrics"]
    assert metrics[:2] == [f"results/paper/evaluate/{name}_poison.csv" for name in ("mnist", "cifar10")]
    assert len(metrics) == 2 + 2 * 4


def test_a_baseline_is_told_only_its_own_settings():
    def changed(overlay):
        before, after = (planned({"baselines": each}).experiments.baseline_options for each in ({}, overlay))
        pairs = [(experiment, name) for experiment in ("mnist_random", "mnist_fixed_100") for name in BASELINES]
        return {pair for pair in pairs if before(*pair) != after(*pair)}

    def baselines(overlay):
        return {name for _, name in changed(overlay)}

    assert baselines({"candidates": 17, "candidate_nets": 3}) == {"optimized"}
    assert baselines({"draws": 3}) == set(BASELINES) - {"average"}
    assert baselines({"nets": 3}) == {name for name in BASELINES if not name.startswith("knn")}
    of_one = changed({"experiments": {"mnist_random": {"augment": True}}})
    assert of_one == {("mnist_random", name) for name in BASELINES if not name.endswith("k_means")}


def test_other_values_of_one_experiment(paper):
    options = paper.experiments.adaptation_options
    assert options("mnist_usps_random", "full") == "--epochs 40 --lr 0.0002 --halve-every 20 --batch 1024 --nets 200"
    assert options("voc_alexnet", "full") == "--epochs 40 --lr 0.0002 --halve-every 20 --batch 1024 --nets 10"
    assert options("voc_alexnet", "fada") == "--nets 200"
    assert paper.experiments.source("mnist_usps_random", "fada") == ["results/data/mnist.npz"]
    assert paper.experiments.source("mnist_usps_random", "full") == []


def test_everything_can_be_asked_for_by_its_name(paper):
    targets = {target.name: target.files for target in paper.targets.targets(taken=["all", "distill"])}
    assert targets["mnist_fixed"] == [
        "results/paper/evaluate/mnist_fixed.csv",
        "results/paper/distill/mnist_fixed/training.png",
    ]
    assert targets["mnist_LeNet"] == paper.pools.shards("mnist_LeNet")
    assert targets["linear_case"] == [f"results/paper/figures/linear_case.{ending}" for ending in ("png", "pdf")]
    assert "results/paper/tables/table1.tex" in targets["table1"]
    assert "results/paper/distill/mnist_random/training.png" in targets["transfer"]
    with pytest.raises(UserError, match=r"config: experiments.mnist_fixed: something else has this name"):
        paper.targets.targets(taken=["mnist_fixed"])


def test_all_ends_with_the_comparison_and_the_configuration(paper):
    made = paper.targets.all()
    assert len(made) == len(set(made))
    assert made[-5:] == [
        *(f"results/paper/compare.{ending}" for ending in ("csv", "md", "tex", "html")),
        "results/paper/configuration.html",
    ]
    alone = planned({"all": ["transfer"]}).targets
    assert not [path for path in alone.all() if "/compare." in path]


def test_the_comparison_is_told_what_was_measured_and_why_not():
    options = Plan(scale("laptop")).targets.comparison_options()
    assert options.startswith("--measured fig2a results/laptop/evaluate/mnist_fixed.csv --measured fig2b ")
    assert "--measured table1 results/laptop/tables/table1.csv" in options
    assert "--measured linear_case results/laptop/linear/linear_case.csv" in options
    assert "--not-run fig6 cifar10 'too slow without a GPU'" in options


def test_the_configuration_of_a_run_holds_the_points_and_no_defaults(paper):
    assert "  mnist_random_epochs2_steps4:\n    dataset: mnist\n    epochs: 2\n    steps: 4\n" in paper.configuration
    assert "&" not in paper.configuration


def test_downloads_are_what_all_needs(paper):
    downloads = paper.data.downloads(paper.targets.experiments_of_all())
    datasets = ("cifar10", "cub200", "mnist", "mnist_rgb", "svhn", "usps_28", "voc2007")
    assert downloads == sorted(
        [*(f"results/data/{name}.npz" for name in datasets), "results/data/weights/alexnet.safetensors"]
    )


def test_variants_come_from_their_originals(paper):
    assert paper.data.original("usps_28") == {"npz": "results/data/usps.npz", "json": "results/data/usps.json"}
    assert paper.data.changes("usps_28") == "--size 28 --margin 2 --test-images 1860"
    assert "usps_28" not in paper.data.prepared
    assert "usps" in paper.data.prepared


def test_a_users_folder(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
    plan = planned({"data": {"folders": {"pets": {"folder": str(tmp_path), "size": 8, "gray": True}}}})
    assert "pets" in plan.data.prepared
    assert plan.data.options("pets") == f"--folder {tmp_path} --size 8 --gray"
    assert "dd.data.image_folder" in plan.data.modules("pets")
    before = plan.data.listing("pets")
    (tmp_path / "cat/a.png").write_text("another")
    assert plan.data.listing("pets") != before
    assert plan.data.listing("mnist") == ""
    assert plan.data.options("mnist") == ""


def test_folders_outside_are_shown_to_containers(tmp_path):
    mirror = planned({"data": {"mirror": str(tmp_path)}}).data
    found = mirror.environment({"APPTAINER_BIND": "/scratch"})
    assert found == {"DD_DATA_MIRROR": str(tmp_path), "APPTAINER_BIND": f"/scratch,{tmp_path}"}
    # the environment's own mirror is shown too, and stays
    own = Plan(PAPER).data.environment({"DD_DATA_MIRROR": str(tmp_path)})
    assert own == {"APPTAINER_BIND": str(tmp_path)}
    assert Plan(PAPER).data.environment({}) == {"APPTAINER_BIND": ""}


def test_a_digest_names_what_was_chosen(paper):
    assert "dd.nets.lenet" in paper.experiments.modules("mnist_fixed")
    assert "dd.nets.alexcifar" in paper.experiments.modules("cifar10_fixed")
    assert "dd.nets.alexcifar" in paper.pools.modules("cifar10_AlexCifarNet")
    assert "dd.nets.lenet" in paper.experiments.baseline_modules("mnist_random", "average")
    assert "dd.adaptation.fada" in paper.experiments.adaptation_modules("mnist_usps_random", "fada")
    assert "dd.adaptation.fada" not in paper.experiments.adaptation_modules("mnist_usps_random", "full")
    assert "dd.nets.mlp" in paper.experiments.transfer_modules()
    own = planned({"experiments": {"mnist_fixed": {"net": "tests.conftest:TinyNet"}}}).experiments
    assert "tests.conftest" in own.modules("mnist_fixed")
    assert "tests.conftest" in own.evaluation_modules("mnist_fixed")


def test_a_missing_image_is_named(tmp_path):
    planned({"container": "docker://somewhere/image"}).check_container()
    (tmp_path / "here.sif").touch()
    planned({"container": str(tmp_path / "here.sif")}).check_container()
    with pytest.raises(UserError, match=r"config: container: no such file nowhere.sif"):
        planned({"container": "nowhere.sif"}).check_container()
