"""The config by its schema; functions of the rules."""

import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.io import expand
from snakemake.utils import update_config

sys.path.insert(0, str(workflow.basedir))
from dd.data.datasets import DATASETS as NAMED_DATASETS
from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.data.folder_listing import class_names, split_folders
from dd.data.weights import WEIGHTS
from dd.nets import NETWORKS, module_of
from dd.distill.settings import PAPERS
from dd.runtime.code_digest import commit, digest, find
from dd.runtime.errors import UserError
from dd.config.schema import mistake, typed

os.environ.update(APPTAINERENV_DD_COMMIT=commit())  # apptainer tells it to jobs: in the image there is no git

update_config(config, typed(workflow.config_settings.config))
if wrong := mistake(config, Path(workflow.basedir) / "workflow/schemas/config.schema.yaml"):
    raise WorkflowError(f"config: {wrong}")

RESULTS = f"results/{config['scale']}"
SOURCES = {"dataset", "pool", "pretrained"}  # keys of an experiment that are no settings of `dd distill`


def grow(amount):
    """A resource that is `amount` for the first attempt, twice that for the second, and so on; the profile says how many."""
    return lambda wildcards, attempt: amount * attempt


def memory(wildcards, threads, attempt):
    """MiB of a job with a process a thread, which grows likewise; photos and their networks take more."""
    net = NETWORKS.get(get_experiment(wildcards.experiment)["net"])
    return attempt * (2000 + (2000 + (net.memory_mb if net else 0)) * threads)


def missing_module(net):
    """Whether this is a network in a file that is not there."""
    name, colon, _ = net.partition(":")
    return bool(colon) and find(name) is None


def any_of(names):
    """What a wildcard may be that is one of these. Where there are none, it is nothing: an empty one would match anything."""
    return "|".join(names) or "(?!)"


def get_protocol(wildcards):
    """How a baseline of an experiment is judged: only what matters to this one, lest others run again for nothing."""
    settings = config["baselines"] | config["baselines"]["experiments"].get(wildcards.experiment, {})
    needed = BASELINES[wildcards.baseline].settings
    return {key: value for key, value in settings.items() if key in needed}


def flags(settings):
    """A config section as command-line options: {real_batch: 256} is `--real-batch 256`; switches have no value."""
    words = []
    for key, value in settings.items():
        option = key.replace("_", "-")
        flag = f"--{option}"
        words += [flag] * (value is True) if isinstance(value, bool) else [flag, shlex.quote(str(value))]
    return " ".join(words)


def get_experiment(name):
    """The settings of an experiment over the defaults, without where its data and weights come from."""
    settings = config["distill"] | config["experiments"][name]
    return {key: value for key, value in settings.items() if key not in SOURCES}


def get_data(wildcards):
    """The prepared files of the experiment's dataset, and the shards of its pool."""
    entry = config["experiments"][wildcards.experiment]
    files = {end: f"results/data/{entry['dataset']}.{end}" for end in ("npz", "json")}
    return files | {"pool": get_shards(entry["pool"]) if "pool" in entry else []}


def get_pretrained(wildcards):
    """The file of weights of the experiment, if it has one."""
    entry = config["experiments"][wildcards.experiment]
    return [f"results/data/weights/{entry['pretrained']}.safetensors"] if "pretrained" in entry else []


def get_pool(name):
    """The settings of a pool over the defaults."""
    return config["pool"] | config["pools"][name]


def get_shards(name):
    """The files of a pool."""
    pool = get_pool(name)
    totals = {"train": pool["nets"], "held-out": pool["held_out"]}
    return [
        f"{RESULTS}/pools/{name}/{part}-{first:05}.safetensors"
        for part, total in totals.items()
        for first in range(0, total, pool["shard"])
    ]


def get_shard(wildcards):
    """A shard of a pool as settings of `dd pool train`."""
    pool = get_pool(wildcards.pool)
    recipe = {key: value for key, value in pool.items() if key not in {"dataset", "nets", "held_out", "shard"}}
    total = pool["nets"] if wildcards.part == "train" else pool["held_out"]
    return {"part": wildcards.part, "first": int(wildcards.first), "nets": pool["shard"], "total": total} | recipe


def get_pool_data(wildcards):
    """The prepared files of the dataset a pool is trained on."""
    dataset = config["pools"][wildcards.pool]["dataset"]
    return {end: f"results/data/{dataset}.{end}" for end in ("npz", "json")}


def get_pool_option(wildcards):
    """The option that names the folder of the experiment's pool, if it has one."""
    pool = config["experiments"][wildcards.experiment].get("pool")
    return f"--pool {RESULTS}/pools/{pool}" if pool else ""


def get_adaptation(wildcards):
    """How an experiment's nets are adapted without distilled images."""
    changed = config["adapt"]["experiments"].get(wildcards.experiment, {})
    return config["adapt"][wildcards.method] | changed.get(wildcards.method, {})


def get_source_data(wildcards):
    """The dataset that the nets come from, for a method that needs its images."""
    pool = config["experiments"][wildcards.experiment].get("pool")
    needed = ADAPTATIONS[wildcards.method].needs_source and pool
    return [f"results/data/{config['pools'][pool]['dataset']}.npz"] if needed else []


def get_net_module(wildcards):
    """The module that defines the network of an experiment."""
    return module_of(get_experiment(wildcards.experiment)["net"])


def get_code(wildcards):
    """A digest of the code of an experiment, its network with it."""
    return digest("dd.distill.experiment", "dd.distill.run", get_net_module(wildcards))


def get_folder_files(wildcards):
    """A digest of what lies in a user's folder of images, so that a changed photo is noticed."""
    if wildcards.dataset not in config["data"]["folders"]:
        return ""
    root = Path(config["data"]["folders"][wildcards.dataset]["folder"])
    # a class may be a link, into which rglob does not go
    classes = (path for split in split_folders(root) for path in split.iterdir() if path.is_dir())
    files = sorted({p for folder in (root, *classes) for p in folder.rglob("*") if p.is_file()})
    listing = "".join(f"{p} {p.stat().st_size} {p.stat().st_mtime_ns}\n" for p in files)
    return hashlib.sha256(listing.encode()).hexdigest()[:16]


def get_source(wildcards):
    """The modules that know where this dataset comes from: a change to another must not prepare it again."""
    if wildcards.dataset in config["data"]["folders"]:
        return ["dd.data.image_folder", "dd.data.folder_listing"]
    return NAMED_DATASETS[wildcards.dataset].modules


def get_original(wildcards):
    """The prepared files of the dataset that a variant is made from."""
    original = config["data"]["variants"][wildcards.variant]["of"]
    return {end: f"results/data/{original}.{end}" for end in ("npz", "json")}


def get_changes(wildcards):
    """What a variant changes."""
    return {key: value for key, value in config["data"]["variants"][wildcards.variant].items() if key != "of"}
