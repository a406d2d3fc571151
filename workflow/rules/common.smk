"""Functions of the rules, and checks a schema cannot say."""

import ast
import hashlib
import os
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import expand

# Not a param of the rule: where a mirror lies must not make anything run again.
if config["data"]["mirror"]:
    os.environ["DD_DATA_MIRROR"] = str(config["data"]["mirror"])

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
        flag = "--" + key.replace("_", "-")
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
    todo, seen = list(modules), {}
    while todo:
        name = todo.pop()
        path = next(
            (p for p in (Path(f"{name.replace('.', '/')}{end}") for end in (".py", "/__init__.py")) if p.is_file()),
            None,
        )
        if path is None or name in seen:
            continue
        source = seen[name] = path.read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dd"):
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    text = "".join(f"{name}\n{seen[name]}" for name in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
