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

DATASETS = {"mnist", "fashion_mnist", "usps", "svhn", "cifar10", "digits", "voc2007", "cub200", "birds10"}
DATASETS |= set(config["data"]["folders"])
for variant, entry in config["data"]["variants"].items():
    if variant in DATASETS:
        raise WorkflowError(f"config: data.variants.{variant}: another dataset has this name; choose another")
    if entry["of"] not in DATASETS:
        known = ", ".join(sorted(DATASETS))
        raise WorkflowError(f"config: data.variants.{variant}.of: {entry['of']!r} is none of {known}")
DATASETS |= set(config["data"]["variants"])
for pool, entry in config["pools"].items():
    if pool in config["experiments"]:
        raise WorkflowError(f"config: pools.{pool}: an experiment has this name; choose another")
NETS = {"LeNet", "AlexCifarNet", "AlexNet", "EfficientNetLite0"}
WEIGHTS = {"alexnet", "efficientnet_lite0"}
made = {f"experiments.{name}": config["distill"] | entry for name, entry in config["experiments"].items()}
made |= {f"pools.{name}": config["pool"] | entry for name, entry in config["pools"].items()}
for key, entry in made.items():
    for name, known in {"dataset": DATASETS, "net": NETS, "pool": config["pools"], "pretrained": WEIGHTS}.items():
        own = name == "net" and ":" in entry["net"]
        if name in entry and entry[name] not in known and not own:
            more = " or package.module:Class" if name == "net" else ""
            raise WorkflowError(f"config: {key}.{name}: {entry[name]!r} is none of {', '.join(sorted(known))}{more}")
    init = entry.get("init", "random")
    sources = [name for name in ("pool", "pretrained") if name in entry]
    allowed = {"random_pretrained": [["pool"]], "fixed_pretrained": [["pool"], ["pretrained"]]}.get(init, [[]])
    if key.startswith("experiments.") and sources not in allowed:
        wanted = " or ".join(" and ".join(names) or "neither pool nor pretrained" for names in allowed)
        raise WorkflowError(f"config: {key}.init: {init} needs {wanted}")
    if entry.get("attack_class", -1) == entry.get("target_class", -1) != -1:
        raise WorkflowError(f"config: {key}.target_class: is the attack_class itself; choose another")
for figure, entry in config["figures"].items():
    if entry["experiment"] not in config["experiments"]:
        raise WorkflowError(f"config: figures.{figure}.experiment: no experiment {entry['experiment']!r}")
    last = (config["distill"] | config["experiments"][entry["experiment"]])["steps"]
    if max(entry["steps"]) > last:
        raise WorkflowError(f"config: figures.{figure}.steps: {max(entry['steps'])} is beyond the last step, {last}")
ARTEFACTS = [*config["figures"], *config["curves"], *config["bars"], *config["tables"], "linear_case"]
for artefact in config["all"]:
    if artefact not in ARTEFACTS:
        raise WorkflowError(f"config: all: no figure or table {artefact!r}; there are {', '.join(ARTEFACTS)}")
named = {f"{kind}.{name}": names for kind in ("tables", "bars") for name, names in config[kind].items()}
named |= {f"{kind}.experiments": config[kind]["experiments"] for kind in ("baselines", "adapt")}
for key, names in named.items():
    for experiment in names:
        if experiment not in config["experiments"]:
            raise WorkflowError(f"config: {key}: no experiment {experiment!r}")
for bars, names in config["bars"].items():
    for experiment in names:
        if (config["distill"] | config["experiments"][experiment])["attack_class"] < 0:
            raise WorkflowError(f"config: bars.{bars}: {experiment} has no attack_class")


wildcard_constraints:
    experiment="|".join(config["experiments"]),
    figure="|".join(config["figures"]),
    curves="|".join(config["curves"]),
    table="|".join(config["tables"]),
    baseline="|".join(BASELINES),
    bars="|".join(config["bars"]),
    pool="|".join(config["pools"]),
    part="train|held-out",
    first=r"\d+",
    method="fada|full",
    weights="|".join(WEIGHTS),
