"""What is wanted: the targets of `all`, the points of curves, what tables and figures are made of."""

from dd.report.comparison import TASKS as PLACES
from dd.report.figures import FIGURES
from dd.report.tables import TABLES

WRITTEN = ["csv", "md", "tex", "html"]  # as which tables are written
BASELINES = ["random", "optimized", "k_means", "average", "knn_random", "knn_k_means"]


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


def get_task(name):
    """The datasets, source and target, that Table 2 calls an experiment by: of a variant with its images, the original."""
    entry, task = config["experiments"][name], []
    for dataset in (config["pools"][entry["pool"]]["dataset"] if "pool" in entry else "", entry["dataset"]):
        variant = config["data"]["variants"].get(dataset, {})
        changed = variant.get("invert") or variant.get("noise")
        task.append(dataset if changed else variant.get("of", dataset))
    return tuple(task)


def get_final_output():
    """What `all` names."""
    made = [path for name in config["all"] for path in get_artefact(name)]
    if get_compared({}):
        made += expand("<results>/compare.{suffix}", suffix=WRITTEN)
    return [*dict.fromkeys(made), "<results>/configuration.html"]


def get_targets():
    """Section of the config, name and files of what can be asked for by its name."""
    targets = [("all", name, get_artefact(name)) for name in ("linear_case", "transfer")]
    targets += [("pools", name, get_shards(name)) for name in config["pools"]]
    for name in config["experiments"]:
        targets.append(("experiments", name, [f"<results>/evaluate/{name}.csv", *get_training([name])]))
    for section in ("figures", "curves", "bars", "tables"):
        targets += [(section, name, get_artefact(name)) for name in config[section]]
    return targets


def get_artefact(name):
    """The files of a figure or table of `all`, with the training curves of its experiments."""
    if name == "transfer":
        made = expand("<results>/tables/transfer.{suffix}", suffix=["csv", "md", "html"])
    elif name in config["tables"]:
        made = expand("<results>/tables/{name}.{suffix}", name=name, suffix=WRITTEN)
    else:
        made = expand("<results>/figures/{name}.{suffix}", name=name, suffix=["png", "pdf"])
    return made + get_training(get_distilled([name]))


def get_training(experiments):
    """The training curves of experiments."""
    return expand("<results>/distill/{experiment}/training.png", experiment=experiments)


def get_distilled(artefacts):
    """The experiments that figures and tables need, with the points of curves."""
    experiments = {config["figures"][name]["experiment"] for name in artefacts if name in config["figures"]}
    for name in artefacts:
        experiments |= set(config["tables"].get(name, []) + config["bars"].get(name, []))
        experiments |= {point for curve in config["curves"].get(name, []) for point in get_points(curve)}
    experiments |= set(config["transfer"]["experiments"] if "transfer" in artefacts else [])
    return sorted(experiments)


def get_downloads():
    """The datasets and weights `all` needs."""
    entries = [config["experiments"][name] for name in get_distilled(config["all"])]
    datasets = {entry["dataset"] for entry in entries}
    datasets |= {config["pools"][entry["pool"]]["dataset"] for entry in entries if "pool" in entry}
    weights = {entry["pretrained"] for entry in entries if "pretrained" in entry}
    return sorted(
        [f"results/data/{name}.npz" for name in datasets]
        + [f"results/data/weights/{name}.safetensors" for name in weights]
    )


def get_measured(wildcards):
    """The measurements a table holds."""
    experiments, table = config["tables"][wildcards.table], TABLES[wildcards.table]
    compared = [name for name in experiments if get_experiment(name)["init"] == table.rivals_init]
    return (
        expand("<results>/evaluate/{experiment}.csv", experiment=experiments)
        + expand("<results>/baseline/{experiment}/{kind}.csv", experiment=compared, kind=table.baselines)
        + expand("<results>/adapt/{experiment}/{method}.csv", experiment=compared, method=table.adaptations)
    )


def get_poisoned(wildcards):
    """The measurements a figure of bars holds."""
    experiments = config["bars"][wildcards.bars]
    return expand("<results>/evaluate/{experiment}.csv", experiment=experiments) + expand(
        "<results>/baseline/{experiment}/{kind}.csv", experiment=experiments, kind=FIGURES["poisoning"].baselines
    )


def get_curves(wildcards):
    """The measurements a figure of curves draws."""
    points = [name for curve in config["curves"][wildcards.curves] for name in get_points(curve)]
    return expand("<results>/evaluate/{experiment}.csv", experiment=sorted(set(points)))


def get_lines(wildcards):
    """The curves of a figure as options of `dd curves`."""
    words = []
    for curve in config["curves"][wildcards.curves]:
        files = ",".join(f"{RESULTS}/evaluate/{name}.csv" for name in get_points(curve))
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
    words = [word for name, path in zip(names, input, strict=True) for word in ("--measured", name, path)]
    for where, reasons in config["not_run"].items():
        words += [word for task, why in reasons.items() for word in ("--not-run", where, task, why)]
    return shlex.join(words)
