"""Functions of the rules."""

import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.io import expand

sys.path.insert(0, str(workflow.basedir))
from dd.report.paper import PLACES
from dd.runtime.code import commit, digest
from dd.runtime.schema import mistake

os.environ.update(APPTAINERENV_DD_COMMIT=commit())  # apptainer tells it to jobs: in the image there is no git

BASELINES = ["random", "optimized", "k_means", "average", "knn_random", "knn_k_means"]
# what the experiments of a table are compared with, and which of them
COMPARED = {
    "table1": {"init": "random", "baselines": BASELINES, "methods": []},
    "table2": {"init": "random_pretrained", "baselines": BASELINES[:4], "methods": ["fada", "full"]},
    "table3": {"init": "fixed_pretrained", "baselines": ["random", "optimized", "average"], "methods": ["full"]},
}
SOURCES = {"dataset", "pool", "pretrained"}  # keys of an experiment that are no settings of `dd distill`


def grow(amount):
    """A resource that is `amount` for the first attempt, twice that for the second, and so on; the profile says how many."""
    return lambda wildcards, attempt: amount * attempt


def memory(wildcards, threads, attempt):
    """MiB of a job with a process a thread, which grows likewise."""
    return attempt * (2000 + 2000 * threads)


def any_of(names):
    """What a wildcard may be that is one of these. Where there are none, it is nothing: an empty one would match anything."""
    return "|".join(names) or "(?!)"


def get_points(curve):
    """The experiments that are the points of a curve, by name, which tells the settings that differ from its experiment's."""
    experiment, points = curve["experiment"], {}
    base = config["experiments"][experiment]
    for value in curve["values"]:
        wanted = curve.get("set", {}) | {curve["vary"]: value}
        changed = {key: wanted[key] for key in sorted(wanted) if (config["distill"] | base)[key] != wanted[key]}
        suffix = "".join(f"_{key}{value}" for key, value in changed.items())
        points[f"{experiment}{suffix}"] = base | changed
    return points


def get_final_output():
    """What `all` names."""
    tables = [name for name in config["all"] if name in config["tables"]]
    figures = [name for name in config["all"] if name not in [*tables, "transfer"]]
    written = {"suffix": ["csv", "md", "tex", "html"]}
    return (
        expand("<results>/compare.{suffix}", **written)
        + expand("<results>/figures/{figure}.{suffix}", figure=figures, suffix=["png", "pdf"])
        + expand("<results>/tables/{table}.{suffix}", table=tables, **written)
        + expand("<results>/distill/{experiment}/training.png", experiment=get_distilled())
        + ["<results>/tables/transfer.html"] * ("transfer" in config["all"])
        + ["<results>/configuration.html"]
    )


def get_distilled():
    """The experiments `all` needs, with the points of its curves."""
    experiments = {config["figures"][name]["experiment"] for name in config["all"] if name in config["figures"]}
    for name in config["all"]:
        experiments |= set(config["tables"].get(name, []) + config["bars"].get(name, []))
        experiments |= {point for curve in config["curves"].get(name, []) for point in get_points(curve)}
    experiments |= set(config["transfer"]["experiments"] if "transfer" in config["all"] else [])
    return sorted(experiments)


def get_downloads():
    """The datasets and weights `all` needs."""
    entries = [config["experiments"][name] for name in get_distilled()]
    datasets = {entry["dataset"] for entry in entries}
    datasets |= {config["pools"][entry["pool"]]["dataset"] for entry in entries if "pool" in entry}
    weights = {entry["pretrained"] for entry in entries if "pretrained" in entry}
    return sorted(
        [f"results/data/{name}.npz" for name in datasets]
        + [f"results/data/weights/{name}.safetensors" for name in weights]
    )


def get_protocol(wildcards):
    """How a baseline of an experiment is judged: only what matters to this one, lest others run again for nothing."""
    settings = config["baselines"] | config["baselines"]["experiments"].get(wildcards.experiment, {})
    needed = {"choose_on", "augment"}
    if wildcards.baseline != "average":
        needed.add("draws")
    if not wildcards.baseline.startswith("knn"):
        needed |= {"nets", "test_nets"}
    if wildcards.baseline == "optimized":
        needed |= {"candidates", "candidate_nets"}
    return {key: value for key, value in settings.items() if key in needed}


def get_measured(wildcards):
    """The measurements a table holds."""
    experiments, wanted = config["tables"][wildcards.table], COMPARED[wildcards.table]
    compared = [name for name in experiments if get_experiment(name)["init"] == wanted["init"]]
    return (
        expand("<results>/evaluate/{experiment}.csv", experiment=experiments)
        + expand("<results>/baseline/{experiment}/{kind}.csv", experiment=compared, kind=wanted["baselines"])
        + expand("<results>/adapt/{experiment}/{method}.csv", experiment=compared, method=wanted["methods"])
    )


def get_poisoned(wildcards):
    """The measurements a figure of bars holds."""
    experiments = config["bars"][wildcards.bars]
    return expand("<results>/evaluate/{experiment}.csv", experiment=experiments) + expand(
        "<results>/baseline/{experiment}/{kind}.csv", experiment=experiments, kind=BASELINES[:4]
    )


def get_curves(wildcards):
    """The measurements a figure of curves draws."""
    points = [name for curve in config["curves"][wildcards.curves] for name in get_points(curve)]
    return expand("<results>/evaluate/{experiment}.csv", experiment=sorted(set(points)))


def get_lines(wildcards):
    """The curves of a figure as options of `dd curves`."""
    words = []
    for curve in config["curves"][wildcards.curves]:
        files = ",".join(f"results/{config['scale']}/evaluate/{name}.csv" for name in get_points(curve))
        words += ["--line", curve["panel"], curve["label"], curve["x"], files]
    return shlex.join(words)


def get_metadata(wildcards):
    """What is known of the data of a table."""
    entries = [config["experiments"][experiment] for experiment in config["tables"][wildcards.table]]
    datasets = {entry["dataset"] for entry in entries}
    datasets |= {config["pools"][entry["pool"]]["dataset"] for entry in entries if "pool" in entry}
    return [f"results/data/{dataset}.json" for dataset in sorted(datasets)]


def get_compared(wildcards):
    """The measurements of everything in `all` that the paper has, in its order."""
    places = {name: "<results>/figures/{name}.csv" for name in [*config["curves"], *config["bars"]]}
    places |= dict.fromkeys(config["tables"], "<results>/tables/{name}.csv")
    places |= {name: f"<results>/evaluate/{entry['experiment']}.csv" for name, entry in config["figures"].items()}
    places["linear_case"] = "<results>/linear/{name}.csv"
    return [place for name in config["all"] if name in places for place in expand(places[name], name=name)]


def get_measurements(wildcards, input):
    """The same as options of `dd compare`, with the reasons for what is missing."""
    names = [name for name in config["all"] if name != "transfer"]
    words = [word for name, path in zip(names, input) for word in ("--measured", name, path)]
    for where, reasons in config["not_run"].items():
        words += [word for task, why in reasons.items() for word in ("--not-run", where, task, why)]
    return shlex.join(words)


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
        f"results/{config['scale']}/pools/{name}/{part}-{first:05}.safetensors"
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
    return f"--pool results/{config['scale']}/pools/{pool}" if pool else ""


def get_adaptation(wildcards):
    """How an experiment's nets are adapted without distilled images."""
    changed = config["adapt"]["experiments"].get(wildcards.experiment, {})
    return config["adapt"][wildcards.method] | changed.get(wildcards.method, {})


def get_source_data(wildcards):
    """The dataset that the nets come from, for a method that needs its images."""
    pool = config["experiments"][wildcards.experiment].get("pool")
    needed = wildcards.method == "fada" and pool
    return [f"results/data/{config['pools'][pool]['dataset']}.npz"] if needed else []


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
    """The modules that know where this dataset comes from: a change to another must not prepare it again."""
    modules = {
        "digits": ["digits"],
        "svhn": ["sources", "official", "svhn"],
        "voc2007": ["official", "voc", "folder"],
        "cub200": ["official", "birds", "folder"],
        "birds10": ["birds", "folder"],
    } | dict.fromkeys(config["data"]["folders"], ["folder"])
    return [f"dd.data.{module}" for module in modules.get(wildcards.dataset, ["sources", "official"])]


def get_original(wildcards):
    """The prepared files of the dataset that a variant is made from."""
    original = config["data"]["variants"][wildcards.variant]["of"]
    return {end: f"results/data/{original}.{end}" for end in ("npz", "json")}


def get_changes(wildcards):
    """What a variant changes."""
    return {key: value for key, value in config["data"]["variants"][wildcards.variant].items() if key != "of"}
