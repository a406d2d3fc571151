"""Checks a schema cannot say, the points of curves as experiments, and what wildcards may be."""

for name, lines in config["curves"].items():
    for curve in lines:
        if curve["experiment"] not in config["experiments"]:
            raise WorkflowError(f"config: curves.{name}: no experiment {curve['experiment']!r}")
POINTS = {
    name: entry for lines in config["curves"].values() for curve in lines for name, entry in get_points(curve).items()
}
for name, entry in POINTS.items():
    if config["experiments"].get(name, entry) != entry:
        raise WorkflowError(f"config: experiments.{name}: a point of a curve has this name; choose another")
config["experiments"] |= POINTS

DATASETS = {"mnist", "usps", "svhn", "cifar10", "digits", "voc2007", "cub200", "birds10"}
DATASETS |= set(config["data"]["folders"])
for variant, entry in config["data"]["variants"].items():
    if variant in DATASETS:
        raise WorkflowError(f"config: data.variants.{variant}: another dataset has this name; choose another")
    if entry["of"] not in DATASETS:
        known = ", ".join(sorted(DATASETS))
        raise WorkflowError(f"config: data.variants.{variant}.of: {entry['of']!r} is none of {known}")
DATASETS |= set(config["data"]["variants"])
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
ARTEFACTS = [*config["figures"], *config["curves"], *config["tables"], "linear_case"]
for artefact in config["all"]:
    if artefact not in ARTEFACTS:
        raise WorkflowError(f"config: all: no figure or table {artefact!r}; there are {', '.join(ARTEFACTS)}")
named = {f"tables.{table}": names for table, names in config["tables"].items()}
for key, names in (named | {"baselines.experiments": config["baselines"]["experiments"]}).items():
    for experiment in names:
        if experiment not in config["experiments"]:
            raise WorkflowError(f"config: {key}: no experiment {experiment!r}")


wildcard_constraints:
    experiment="|".join(config["experiments"]),
    figure="|".join(config["figures"]),
    curves="|".join(config["curves"]),
    table="|".join(config["tables"]),
    baseline="|".join(BASELINES),
