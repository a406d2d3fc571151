"""What a run makes and needs, asked of the plan itself: no Snakemake starts here."""

import os
import shlex
import subprocess
import sys

import pytest

from dd.baselines import BASELINES
from dd.plan.options import any_of, command_line, flags
from dd.plan.plan import Plan
from dd.plan.resources import grow, memory
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged

PAPER = load_yaml(ROOT / "config.yaml")


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


def test_words_too_long_for_the_system_stand_in_a_file(tmp_path):
    """The whole line is one argument of bash, for which Linux has a limit of 128 KiB."""
    assert command_line(["compare", "--scale", "it's mine"], str(tmp_path)) == "compare --scale 'it'\"'\"'s mine'"
    assert list(tmp_path.iterdir()) == []
    text = "scale: mine\n" + "".join(f"# {number} ü 'quoted' \"twice\"\n" for number in range(10_000))
    words = ["configuration", "--text", text, "--scale", "mine", "--out", str(tmp_path / "page.html")]
    line = command_line(words, str(tmp_path / "new"))
    assert line == command_line(words, str(tmp_path / "new"))
    assert line != command_line([*words, "more"], str(tmp_path / "new"))
    python = f"{sys.executable} -m dd"
    with pytest.raises(OSError, match="Argument list too long"):
        subprocess.run(["bash", "-c", f"{python} {shlex.join(words)}"], check=False)
    done = subprocess.run(["bash", "-c", f"{python} {line}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "# 9999 ü" in (tmp_path / "page.html").read_text()
    done = subprocess.run([sys.executable, "-m", "dd", "@none"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: @none: [Errno 2] No such file or directory: 'none'\n")


def test_a_wildcard_of_nothing_matches_nothing():
    assert any_of(["one", "two"]) == "one|two"
    assert any_of([]) == "(?!)"


def test_resources_grow_with_attempts_threads_and_networks(paper):
    assert [grow(60)(None, attempt) for attempt in (1, 2)] == [60, 120]
    assert memory("LeNet", 1, 1) == 4000
    assert memory("LeNet", 3, 2) == 2 * (2000 + 3 * 2000)
    assert memory("AlexNet", 1, 1) == 10_000
    assert memory("my_net:MyNet", 1, 1) == 4000
    assert paper.experiments.memory("mnist_random", 1, 2, at_least=8000) == 16_000
    assert paper.experiments.memory("voc_alexnet", 1, 2, at_least=8000) == 20_000


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
    assert Plan(PAPER).pools.data("mnist_LeNet") == {
        "npz": "results/data/mnist.npz",
        "json": "results/data/mnist.json",
    }
    (pool / "train-00041.safetensors").touch()
    left = "results/paper/pools/mnist_LeNet/train-00041.safetensors is left from other values of nets"
    with pytest.raises(UserError, match=f"^pools.mnist_LeNet: {left}"):
        Plan(PAPER).pools.data("mnist_LeNet")


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
    assert len(paper.experiments.names) == len(paper.config.experiments) + 30
    point = paper.config.all_experiments["mnist_random_epochs2_steps4"]
    assert (point.steps, point.epochs, point.dataset) == (4, 2, "mnist")
    # a setting that is as in its experiment does not show in the name of a point
    assert paper.config.points["mnist_random_epochs2"].changed == {"epochs": 2}
    assert paper.targets.subcategory("mnist_random_epochs2") == "points of curves"
    assert paper.targets.subcategory("mnist_random") == "experiments"


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
    of_one = changed({"experiments": {"mnist_random": {"draws": 3}}})
    assert of_one == {("mnist_random", name) for name in BASELINES if name != "average"}


def test_an_experiment_its_seeds_and_points_can_be_judged_on_fewer_nets():
    fewer = {"evaluate": {"experiments": {"cifar10_random": {"nets": 10}}}}
    plan = planned(fewer | {"experiments": {"cifar10_random": {"seeds": 2}}})
    nets = {name: plan.experiments.evaluation_nets(name) for name in plan.config.all_experiments}
    those = {name for name in nets if name.startswith("cifar10_random")}
    assert {name for name, number in nets.items() if number == 10} == those
    assert "cifar10_random_seed1" in those
    assert len(those & set(plan.config.points)) > 5
    assert {nets[name] for name in set(nets) - those} == {200}
    with pytest.raises(UserError, match=r"^evaluate\.experiments: no experiment 'cifar10_randm'; did you mean"):
        planned({"evaluate": {"experiments": {"cifar10_randm": {"nets": 10}}}})


def test_baselines_are_not_chosen_on_images_that_the_set_was_trained_on(paper):
    assert paper.experiments.baseline_data("mnist_random") == paper.experiments.data("mnist_random")
    held_out = {"baselines": {"choose_on": "held-out"}}
    with pytest.raises(UserError, match=r"^baselines.choose_on: held-out, but mnist_random trains on these images"):
        planned(held_out).experiments.baseline_data("mnist_random")
    kept = planned(held_out | {"distill": {"train_on_all": False}}).experiments
    assert kept.baseline_data("mnist_random") == kept.data("mnist_random")


def test_other_values_of_one_experiment(paper):
    options = paper.experiments.adaptation_options
    assert options("mnist_usps_random", "full") == "--epochs 40 --lr 0.0002 --halve-every 20 --batch 1024 --nets 200"
    assert options("voc_alexnet", "full") == "--epochs 40 --lr 0.0002 --halve-every 20 --batch 1024 --nets 10"
    assert options("voc_alexnet", "fada") == "--nets 200"
    assert paper.experiments.source("mnist_usps_random", "fada") == ["results/data/mnist.npz"]
    assert paper.experiments.source("mnist_usps_random", "full") == []


def test_downloads_are_what_all_needs(paper):
    downloads = paper.targets.downloads()
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
    after = plan.data.listing("pets")
    assert after != before
    (tmp_path / "cat/b.png").symlink_to("nowhere")  # preparing the dataset says what is wrong with it
    assert plan.data.listing("pets") not in (before, after)
    assert plan.data.listing("mnist") == ""
    assert plan.data.options("mnist") == ""


def test_names_that_are_no_utf_8_are_planned(tmp_path):
    for name in (b"\xe9t\xe9", b"dog"):
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
        (folder / "1.png").touch()
    plan = planned({"data": {"folders": {"pets": {"folder": str(tmp_path), "size": 8}}}})
    assert len(plan.data.listing("pets")) == 16


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
    assert {"dd.data.datasets.digits", "dd.data.named_dataset"} <= set(paper.data.modules("digits"))
    assert {"dd.nets.alexcifar", "dd.runtime.loop"} <= set(paper.pools.modules("cifar10_AlexCifarNet"))
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
    with pytest.raises(UserError, match=r"^container: no such file nowhere.sif"):
        planned({"container": "nowhere.sif"}).check_container()
