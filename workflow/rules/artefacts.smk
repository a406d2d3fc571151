"""What figures, tables and `all` name, by what a schema cannot say."""

for figure, entry in config["figures"].items():
    if entry["experiment"] not in config["experiments"]:
        raise WorkflowError(f"config: figures.{figure}.experiment: no experiment {entry['experiment']!r}")
    last = (config["distill"] | config["experiments"][entry["experiment"]])["steps"]
    if max(entry["steps"]) > last:
        raise WorkflowError(
            f"config: figures.{figure}.steps: {max(entry['steps'])} is beyond the last step, {last}, of {entry['experiment']}"
        )
for net in config["transfer"]["nets"]:
    if missing_module(net):
        raise WorkflowError(f"config: transfer.nets: no module {net.split(':')[0]} here or on PYTHONPATH")
    if net not in NETWORKS and ":" not in net:
        raise WorkflowError(
            f"config: transfer.nets: {net!r} is none of {', '.join(sorted(NETWORKS))} or package.module:Class"
        )
ARTEFACTS = [*config["figures"], *config["curves"], *config["bars"], *config["tables"], "linear_case", "transfer"]
for artefact in config["all"]:
    if artefact not in ARTEFACTS:
        raise WorkflowError(f"config: all: no figure or table {artefact!r}; there are {', '.join(ARTEFACTS)}")
for where, reasons in config["not_run"].items():
    for task in reasons:
        if task not in PLACES.get(where, ()):
            known = "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in PLACES.items())
            raise WorkflowError(f"config: not_run.{where}: the paper has no {task!r} there. It has {known}")
named = {f"{kind}.{name}": names for kind in ("tables", "bars") for name, names in config[kind].items()}
named |= {f"{kind}.experiments": config[kind]["experiments"] for kind in ("baselines", "adapt", "transfer")}
for key, names in named.items():
    for experiment in names:
        if experiment not in config["experiments"]:
            raise WorkflowError(f"config: {key}: no experiment {experiment!r}")
for bars, names in config["bars"].items():
    for experiment in names:
        if get_experiment(experiment)["attack_class"] < 0:
            raise WorkflowError(f"config: bars.{bars}: {experiment} has no attack_class")
named = {f"tables.{name}": (names, ["init", *PAPERS]) for name, names in config["tables"].items()}
named |= {f"bars.{name}": (names, []) for name, names in config["bars"].items()}
for key, (names, settings) in named.items():
    seen = {}
    for name in names:  # a row of a table, or the panels of a dataset
        entry = config["distill"] | config["experiments"][name]
        task = get_task(name) if key == "tables.table2" else entry["dataset"]
        if (first := seen.setdefault((task, *(entry[setting] for setting in settings)), name)) != name:
            raise WorkflowError(f"config: {key}: {first} and {name} would have one name there; leave one out")
