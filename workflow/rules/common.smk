"""Functions of the rules, and checks a schema cannot say."""

import ast
import hashlib
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import expand

DATASETS = {"mnist", "usps", "svhn", "cifar10", "digits"} | set(config["data"]["folders"])
for experiment, entry in config["experiments"].items():
    if entry["dataset"] not in DATASETS:
        known = ", ".join(sorted(DATASETS))
        raise WorkflowError(f"config: experiments.{experiment}.dataset: {entry['dataset']!r} is none of {known}")
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
        words += [flag] * (value is True) if isinstance(value, bool) else [flag, str(value)]
    return " ".join(words)


def get_experiment(name):
    """The settings of an experiment over the defaults, without its dataset."""
    settings = config["distill"] | config["experiments"][name]
    return {key: value for key, value in settings.items() if key != "dataset"}


def get_data(wildcards):
    """The prepared files of the experiment's dataset."""
    dataset = config["experiments"][wildcards.experiment]["dataset"]
    return {end: f"results/data/{dataset}.{end}" for end in ("npz", "json")}


def code(*modules):
    """A digest of these modules of dd and all of dd they import: a job runs again when its own code has changed."""
    todo, sources = list(modules), {}
    while todo:
        base = Path(workflow.basedir, *todo.pop().split("."))
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file() and path not in sources:
                sources[path] = path.read_text()
                for node in ast.walk(ast.parse(sources[path])):
                    if isinstance(node, ast.ImportFrom) and node.module.startswith("dd"):
                        todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return hashlib.sha256("".join(sources[path] for path in sorted(sources)).encode()).hexdigest()[:16]
