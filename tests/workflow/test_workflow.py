"""The workflow by running it: dry runs and wrong configs."""

import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from PIL import Image

from dd.baselines import BASELINES
from dd.data.prepared import load
from dd.runtime.warm import ADDRESS
from tests.conftest import ROOT, checkout
from tests.warm import distilling_in_copies, run_module, warm

BIN = Path(sys.executable).parent
SCALES = {"paper": [], "laptop": ["workflow/scales/laptop.yaml"], "demo": ["workflow/scales/demo.yaml"]}


TINY_CURVE = {"panel": "a", "label": "b", "experiment": "one", "x": "steps", "vary": "steps", "values": [1, 2]}


def snakemake(*arguments, cwd=ROOT):
    """Run Snakemake in a folder; jobs that are `python -m dd` run in copies too (tests/warm.py), unmeasured."""
    path = f"{distilling_in_copies()}:{BIN}:{os.environ['PATH']}"
    env = os.environ | {"PATH": path, ADDRESS: warm().address}
    return run_module("snakemake", "--cores", 2, *arguments, folder=cwd, env=env)


def planned(done):
    """The jobs of a dry run as (rule, first wildcard) pairs; without wildcards the second is empty. Targets such as
    `all`, which make nothing, are left out."""
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    blocks = re.findall(r"^(?:local)?rule (\w+):\n((?: .*\n)*)", output, re.M)
    named = [
        (rule, re.search(r"^    wildcards: \w+=(\w+)", block, re.M)) for rule, block in blocks if "output:" in block
    ]
    return [(rule, wildcard[1] if wildcard else "") for rule, wildcard in named]


@pytest.fixture
def copy(tmp_path):
    """A checkout of its own, but with our code, with a scale of seconds; see `own_code`."""
    checkout(tmp_path, linked=True)
    tiny = {
        "scale": "tiny",
        "all": ["fig2a"],
        "evaluate": {"nets": 2},
        "distill": {"meta_steps": 4, "epochs": 1, "nets": 1, "real_batch": 32, "validation_images": 50},
        "experiments": {"one": {"dataset": "digits", "steps": 2}, "two": {"dataset": "digits", "steps": 2}},
        "tables": {"table1": ["one"]},
        "pools": {"nets": {"dataset": "digits", "nets": 2, "held_out": 1, "epochs": 1, "batch": 64}},
        "curves": {name: [TINY_CURVE] for name in ("fig4", "fig5")},
        "figures": {"fig2a": {"experiment": "one", "steps": [1, 2]}, "fig3a": {"experiment": "two", "steps": [1]}},
    }
    (tmp_path / "tiny.yaml").write_text(yaml.dump(tiny))
    return tmp_path


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_plans(scale):
    files = [word for name in SCALES[scale] for word in ("--configfile", name)]
    jobs = planned(snakemake("--dry-run", "--forceall", *files))
    figures = 2 if scale == "demo" else 4
    points = {"paper": 30, "laptop": 23, "demo": 4}[scale]
    experiments = {"paper": 15, "laptop": 13 + 6, "demo": 5}[scale]  # six of them are further seeds
    assert len([job for job in jobs if job[0] == "distill"]) == experiments + points
    assert len([job for job in jobs if job[0] == "draw_training"]) == experiments + points
    assert len([job for job in jobs if job[0] == "draw_figure"]) == figures
    shards = {"paper": 4 * (2000 + 200) // 40, "laptop": 9, "demo": 2}[scale]
    assert len([job for job in jobs if job[0] == "train_shard"]) == shards
    tables = 2 if scale == "demo" else 3
    assert len([job for job in jobs if job[0] == "write_table"]) == tables
    judged = set() if scale == "paper" else {"judge_sets"}
    assert {rule for rule, what in jobs if not what} == {
        "measure_linear_case",
        "compare",
        "write_configuration",
    } | judged
    assert ("draw_linear_case", "linear_case") in jobs
    assert (("write_transfer", "transfer") in jobs) == (scale == "demo")


def test_sets_beyond_the_paper_are_planned_with_their_table_and_figure():
    jobs = planned(snakemake("--dry-run", "--forceall", "--configfile", "workflow/scales/beyond.yaml"))
    assert {("write_beyond", "beyond"), ("draw_cost", "beyond_cost"), ("distill", "mnist_long")} < set(jobs)
    assert not {"write_table", "baseline", "compare"} & {rule for rule, _ in jobs}


def test_one_experiment_by_its_name():
    jobs = planned(snakemake("--dry-run", "--forceall", "mnist_fixed"))
    of_one = {(rule, "mnist_fixed") for rule in ("distill", "draw_training", "evaluate")}
    assert set(jobs) == {("prepare_data", "mnist")} | of_one


def test_download_all_prepares_data_only():
    jobs = planned(snakemake("--dry-run", "--forceall", "download_all"))
    assert {what for rule, what in jobs if rule == "prepare_data"} == {
        *("mnist", "usps", "svhn", "cifar10", "voc2007", "cub200")
    }
    assert {job for job in jobs if job[0] != "prepare_data"} == {
        *(("vary_data", "usps_28"), ("vary_data", "mnist_rgb"), ("prepare_weights", "alexnet"))
    }


def test_a_variant_comes_from_its_original(tmp_path):
    (tmp_path / "moved.yaml").write_text("experiments: {mnist_fixed: {dataset: mnist_rgb}}")
    plan = ("--dry-run", "--forceall", "--printshellcmds", "--configfile", str(tmp_path / "moved.yaml"))
    done = snakemake("mnist_fixed", *plan)
    assert {("prepare_data", "mnist"), ("vary_data", "mnist_rgb")} < set(planned(done))
    assert "--out results/data/mnist_rgb.npz --channels 3" in done.stdout
    assert ("vary_data", "mnist_rgb") in planned(snakemake("download_all", *plan))


def test_a_variant_is_made(copy):
    (copy / "tiny.yaml").write_text("data: {variants: {shifted: {of: digits, invert: true, noise: 0.2, seed: 1}}}")
    target = ("results/data/shifted.npz", "--configfile", "tiny.yaml")
    done = snakemake(*target, cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    info = load(copy / "results/data/shifted.npz").info
    assert info["source"].startswith("variant of digits: 28x28 pixels, gray, inverted, noise 0.2 (seed 1); digits: ")
    assert planned(snakemake("--dry-run", *target, cwd=copy)) == []
    (copy / "tiny.yaml").write_text("data: {variants: {shifted: {of: digits, invert: true}}}")
    assert planned(snakemake("--dry-run", *target, cwd=copy)) == [("vary_data", "shifted")]


def test_without_variants_there_is_no_rule_for_them(copy):
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(re.sub(r"variants: .*(\n    .*)+", "variants: {}", text, count=1))
    for name in range(10):
        (copy / "photos" / str(name)).mkdir(parents=True)
    sizes = {"usps_28": {"size": 28, "gray": True}, "mnist_rgb": {"size": 32}}
    folders = {name: {"folder": "photos"} | entry for name, entry in sizes.items()}
    (copy / "own.yaml").write_text(yaml.dump({"data": {"folders": folders}}))
    plan = ("--dry-run", "--configfile", "own.yaml")
    assert planned(snakemake("results/data/usps_28.npz", *plan, cwd=copy)) == [("prepare_data", "usps_28")]
    done = snakemake("results/data/other.npz", *plan, cwd=copy)
    assert "No rule to produce results/data/other.npz" in done.stderr + done.stdout


def test_a_changed_picture_is_noticed_behind_a_link(copy, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("cat", "dog"):
        (elsewhere / name).mkdir()
        for index in range(5):
            Image.new("L", (8, 8), index).save(elsewhere / name / f"{index}.png")
    (copy / "photos").mkdir()
    (copy / "photos/dog").symlink_to(elsewhere / "dog")
    (elsewhere / "cat").rename(copy / "photos/cat")
    (copy / "own.yaml").write_text(yaml.dump({"data": {"folders": {"pets": {"folder": "photos", "size": 8}}}}))
    target = ("results/data/pets.npz", "--configfile", "own.yaml")
    done = snakemake(*target, cwd=copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert planned(snakemake(*target, "--dry-run", cwd=copy)) == []
    Image.new("L", (8, 8), 99).save(elsewhere / "dog" / "more.png")
    assert planned(snakemake(*target, "--dry-run", cwd=copy)) == [("prepare_data", "pets")]


def test_shards_of_other_settings_are_named(copy):
    pool = copy / "results/tiny/pools/nets"
    pool.mkdir(parents=True)
    for name in ("train-00000", "held-out-00000", ".train-00040.half"):
        (pool / f"{name}.safetensors").touch()
    plan = ("nets", "--dry-run", "--configfile", "tiny.yaml")
    assert snakemake(*plan, cwd=copy).returncode == 0
    (pool / "train-00040.safetensors").touch()
    done = snakemake(*plan, cwd=copy)
    assert done.returncode == 1
    said = "config: pools.nets: results/tiny/pools/nets/train-00040.safetensors is left from other values"
    assert said in done.stdout + done.stderr


def test_networks_carried_to_alone_need_no_comparison(tmp_path):
    (tmp_path / "carried.yaml").write_text("all: [transfer]")
    jobs = planned(snakemake("--dry-run", "--forceall", "--configfile", str(tmp_path / "carried.yaml")))
    assert ("write_transfer", "transfer") in jobs
    assert "compare" not in {rule for rule, _ in jobs}


def test_gpu_slots_come_from_the_command_line():
    plan = ("--dry-run", "--forceall", "--printshellcmds", "mnist_fixed")
    assert "--gpus 0" in snakemake(*plan).stdout
    assert "--gpus 1" in snakemake(*plan, "--resources", "gpu=4").stdout


def test_jobs_ask_for_the_time_of_what_they_compute_on():
    """A rule's `gpu` of the command line counts before that of the run; without either there are GPUs."""

    def asked(*words):
        plan = ("--dry-run", "--forceall", "results/paper/distill/mnist_fixed/set.safetensors")
        done = snakemake(*plan, "--workflow-profile", "none", *words)
        return re.search(r"rule distill:.*?runtime=(\d+)", done.stdout, re.S)[1]

    with_gpu, without = asked("--resources", "gpu=4"), asked("--resources", "gpu=0")
    assert int(without) > int(with_gpu)
    assert asked() == with_gpu
    assert asked("--resources", "gpu=4", "--set-resources", "distill:gpu=0") == without
    assert asked("--resources", "gpu=4", "--set-resources", "distill:gpu=attempt") == with_gpu


def test_the_slurm_profile_computes_with_gpus_or_without(copy):
    profile = copy / "profiles/slurm/config.yaml"
    plan = ("--dry-run", "--forceall", "--printshellcmds", "mnist_fixed", "--workflow-profile", "profiles/slurm")
    assert "--gpus 1" in snakemake(*plan, cwd=copy).stdout
    listed = re.findall(r"(\w+):gpu=0", profile.read_text())
    rules = "".join(path.read_text() for path in (copy / "workflow/rules").glob("*.smk"))
    assert set(listed) == set(re.findall(r"^rule (\w+):(?:(?!^rule ).)*?^        gpu=(?!0,)", rules, re.M | re.S))
    profile.write_text(profile.read_text().replace("# set-resources", "set-resources"))
    assert "--gpus 0" in snakemake(*plan, cwd=copy).stdout


def test_switches_reach_the_command_line(tmp_path):
    (tmp_path / "shuffled.yaml").write_text("experiments: {mnist_fixed: {shuffle_steps: true}}")
    plan = ("--dry-run", "--forceall", "--printshellcmds", "mnist_fixed")
    assert "--shuffle-steps" not in snakemake(*plan).stdout
    assert "--shuffle-steps" in snakemake(*plan, "--configfile", str(tmp_path / "shuffled.yaml")).stdout


def test_the_command_line_overrides_numbers_too():
    plan = ("--dry-run", "--forceall", "--printshellcmds", "mnist_fixed", "--config")
    done = snakemake(*plan, "distill={meta_steps: 7, clip: 0.5}", "experiments={mnist_fixed: {soft_labels: true}}")
    assert done.returncode == 0, done.stderr
    for option in ("--meta-steps 7", "--clip 0.5", "--soft-labels"):
        assert option in done.stdout
    wrong = snakemake(*plan, "distill={meta_steps: seven}")
    assert "config: distill.meta_steps: 'seven' is not a whole number" in wrong.stdout + wrong.stderr


def test_a_table_of_pretrained_nets_names_its_measurements():
    jobs = planned(snakemake("--dry-run", "--forceall", "table2", "--configfile", "workflow/scales/laptop.yaml"))
    assert len([job for job in jobs if job[0] == "distill"]) == 5
    assert len([job for job in jobs if job[0] == "measure_baseline"]) == 3 * 4
    assert len([job for job in jobs if job[0] == "adapt"]) == 2 * 2 + 1


def test_a_table_names_its_measurements():
    jobs = planned(snakemake("--dry-run", "--forceall", "table1"))
    assert len([job for job in jobs if job[0] == "distill"]) == 4
    assert len([job for job in jobs if job[0] == "measure_baseline"]) == 2 * len(BASELINES)


def test_a_set_is_carried_to_other_networks(tmp_path):
    (tmp_path / "own.yaml").write_text("transfer: {nets: [MLP, tests.conftest:TinyNet], protocols: [dc]}")
    plan = ("--dry-run", "--forceall", "--printshellcmds", "--configfile", str(tmp_path / "own.yaml"))
    done = snakemake("transfer", *plan)
    assert ("evaluate_transfer", "mnist_random") in planned(done)
    assert "--nets 5 --net MLP --net tests.conftest:TinyNet --protocol dc" in done.stdout
    assert ("write_transfer", "transfer") in planned(done)
    assert ("write_transfer", "transfer") not in planned(snakemake(*plan))


def test_environments_agree():
    def names(lines):
        return {re.match(r"[\w.-]+", line)[0].lower() for line in lines}

    pins = (ROOT / "constraints.txt").read_text().lower().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + extras["birds"] + extras["svhn"]
    python, _, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert set(map(str.lower, pip["pip"])) <= set(pins)
    assert names(pip["pip"]) == names(needed)
    assert python.replace("=", ":") in (ROOT / "Containerfile").read_text()
    developing = [line for line in project["optional-dependencies"]["dev"] if not line.startswith(project["name"])]
    assert names(developing) <= names(line for line in pins if "==" in line)


def test_a_missing_image_is_named():
    done = snakemake("--dry-run", "--workflow-profile", "profiles/apptainer", "--config", "container=nowhere.sif")
    assert done.returncode != 0
    assert "config: container: no such file nowhere.sif" in done.stderr + done.stdout


def test_a_mistake_in_a_job_is_one_line_on_the_console(copy):
    text = (copy / "tiny.yaml").read_text().replace("real_batch: 32", "real_batch: 5000")
    (copy / "tiny.yaml").write_text(text)
    done = snakemake("--configfile", "tiny.yaml", cwd=copy)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "error: real_batch: 5000 is more than the 1297 training images; lower it" in output
    assert "Traceback" not in output
