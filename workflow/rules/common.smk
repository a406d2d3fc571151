"""Functions of the rules, and checks a schema cannot say."""

import hashlib
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import expand

sys.path.insert(0, str(workflow.basedir))
from dd.runtime.code import digest


wildcard_constraints:
    experiment="|".join(config["experiments"]),
    figure="|".join(config["figures"]),


DATASETS = {"mnist", "usps", "svhn", "cifar10", "digits"} | set(config["data"]["folders"])
for experiment, entry in config["experiments"].items():
    if entry["dataset"] not in DATASETS:
        known = ", ".join(sorted(DATASETS))
        raise WorkflowError(f"config: experiments.{experiment}.dataset: {entry['dataset']!r} is none of {known}")
NETS = {"LeNet", "AlexCifarNet"}
for experiment, entry in config["experiments"].items():
    net = (config["distill"] | entry)["net"]
    if ":" not in net and net not in NETS:
        known = ", ".join(sorted(NETS))
        raise WorkflowError(f"config: experiments.{experiment}.net: {net!r} is none of {known} or package.module:Class")
for figure, entry in config["figures"].items():
    if entry["experiment"] not in config["experiments"]:
        raise WorkflowError(f"config: figures.{figure}.experiment: no experiment {entry['experiment']!r}")
    last = (config["distill"] | config["experiments"][entry["experiment"]])["steps"]
    if max(entry["steps"]) > last:
        raise WorkflowError(f"config: figures.{figure}.steps: {max(entry['steps'])} is beyond the last step, {last}")
for figure in config["all"]:
    if figure not in config["figures"]:
        raise WorkflowError(f"config: all: no figure {figure!r}; there are {', '.join(config['figures'])}")


def get_final_output():
    """What `all` names."""
    return expand("<results>/figures/{figure}.{suffix}", figure=config["all"], suffix=["png", "pdf"])


def get_datasets():
    """The datasets `all` needs."""
    experiments = {config["figures"][figure]["experiment"] for figure in config["all"]}
    return sorted({config["experiments"][experiment]["dataset"] for experiment in experiments})


def flags(settings):
    """A config section as command-line options: {real_batch: 256} is `--real-batch 256`; switches have no value."""
    words = []
    for key, value in settings.items():
        option = key.replace("_", "-")
        flag = f"--{option}"
        words += [flag] * (value is True) if isinstance(value, bool) else [flag, shlex.quote(str(value))]
    return " ".join(words)


def get_experiment(name):
    """The settings of an experiment over the defaults, without its dataset."""
    settings = config["distill"] | config["experiments"][name]
    return {key: value for key, value in settings.items() if key != "dataset"}


def get_data(wildcards):
    """The prepared files of the experiment's dataset."""
    dataset = config["experiments"][wildcards.experiment]["dataset"]
    return {end: f"results/data/{dataset}.{end}" for end in ("npz", "json")}


def get_code(wildcards):
    """A digest of the code of an experiment, the user's own network with it."""
    return digest("dd.distill.experiment", "dd.distill.run", get_experiment(wildcards.experiment)["net"].split(":")[0])


def get_folder_files(wildcards):
    """A digest of what lies in a user's folder of images, so that a changed photo is noticed."""
    if wildcards.dataset not in config["data"]["folders"]:
        return ""
    files = sorted(p for p in Path(config["data"]["folders"][wildcards.dataset]["folder"]).rglob("*") if p.is_file())
    listing = "".join(f"{p} {p.stat().st_size} {p.stat().st_mtime_ns}\n" for p in files)
    return hashlib.sha256(listing.encode()).hexdigest()[:16]


def get_source(wildcards):
    """The module that knows where this dataset comes from: a change to another must not prepare it again."""
    if wildcards.dataset in config["data"]["folders"]:
        return "dd.data.folder"
    return "dd.data.digits" if wildcards.dataset == "digits" else "dd.data.sources"
