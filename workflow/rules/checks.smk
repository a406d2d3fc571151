"""The config by what a schema cannot say, the points of curves as experiments, and what wildcards
may be."""

if config["scale"] in {"data", "published"}:
    raise WorkflowError(f"config: scale: results/{config['scale']} is another folder; choose another name")
for name, lines in config["curves"].items():
    for curve in lines:
        if curve["experiment"] not in config["experiments"]:
            raise WorkflowError(f"config: curves.{name}: no experiment {curve['experiment']!r}")
        panel, x, vary = curve["panel"], curve["x"], curve["vary"]
        if x not in (vary, "distilled_images") or (x, vary) == ("distilled_images", "epochs"):
            raise WorkflowError(f"config: curves.{name}: x: {x} is not what {vary} changes")
        if any(other["panel"] == panel and other["x"] != x for other in lines):
            raise WorkflowError(
                f"config: curves.{name}: the lines of panel {panel!r} have several x; give each a panel"
            )
        if sum((other["panel"], other["label"]) == (panel, curve["label"]) for other in lines) > 1:
            raise WorkflowError(f"config: curves.{name}: panel {panel!r} has two lines {curve['label']!r}; rename one")
POINTS = {
    name: entry for lines in config["curves"].values() for curve in lines for name, entry in get_points(curve).items()
}
for name, entry in POINTS.items():
    if config["experiments"].get(name, entry) != entry:
        raise WorkflowError(f"config: experiments.{name}: a point of a curve has this name; choose another")
EXPERIMENTS = set(config["experiments"])
config["experiments"] |= POINTS

DATASETS = set(NAMED_DATASETS)
CLASSES = {name: dataset.class_count for name, dataset in NAMED_DATASETS.items()}
SHAPES = {name: (dataset.channels, dataset.size) for name, dataset in NAMED_DATASETS.items()}
for name, entry in config["data"]["folders"].items():
    try:
        CLASSES[name] = len(class_names(Path(entry["folder"])))
        SHAPES[name] = (1 if entry.get("gray") else 3, entry["size"])
    except UserError as error:
        raise WorkflowError(f"config: data.folders.{name}.folder: {error}")
DATASETS |= set(config["data"]["folders"])
for variant, entry in config["data"]["variants"].items():
    if variant in DATASETS:
        raise WorkflowError(f"config: data.variants.{variant}: another dataset has this name; choose another")
    if entry["of"] not in DATASETS:
        known = ", ".join(sorted(DATASETS))
        raise WorkflowError(f"config: data.variants.{variant}.of: {entry['of']!r} is none of {known}")
    if "size" in entry and 2 * entry.get("margin", 0) >= entry["size"]:
        raise WorkflowError(f"config: data.variants.{variant}.margin: leaves nothing of {entry['size']} pixels")
    CLASSES[variant] = CLASSES[entry["of"]]
    channels, size = SHAPES[entry["of"]]
    SHAPES[variant] = (entry.get("channels", channels), entry.get("size", size))
DATASETS |= set(config["data"]["variants"])
made = {f"pools.{name}": get_pool(name) for name in config["pools"]}
made |= {f"experiments.{name}": config["distill"] | entry for name, entry in config["experiments"].items()}
for key, entry in made.items():
    if missing_module(entry["net"]):
        raise WorkflowError(f"config: {key}.net: no module {entry['net'].split(':')[0]} here or on PYTHONPATH")
    for name, known in {"dataset": DATASETS, "net": NETWORKS, "pool": config["pools"], "pretrained": WEIGHTS}.items():
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
    if "pool" in entry and (pool := get_pool(entry["pool"])):
        if entry["net"] != pool["net"]:
            raise WorkflowError(f"config: {key}.pool: {entry['pool']} has nets {pool['net']}, not {entry['net']}")
        wanted, found = ((*SHAPES[name], CLASSES[name]) for name in (entry["dataset"], pool["dataset"]))
        if wanted != found:
            raise WorkflowError(
                f"config: {key}.pool: {entry['pool']} is for images {found[:2]} (channels, pixels a side) of {found[2]} "
                f"classes, but {entry['dataset']} has {wanted[:2]} of {wanted[2]}"
            )
        if init == "fixed_pretrained" and entry["pool_net"] >= pool["nets"]:
            raise WorkflowError(f"config: {key}.pool_net: {entry['pool']} has the nets 0 to {pool['nets'] - 1}")
    attack = {name: entry.get(name, -1) for name in ("attack_class", "target_class")}
    for name, label in attack.items():
        if label >= (classes := CLASSES[entry["dataset"]]):
            raise WorkflowError(f"config: {key}.{name}: {label}, but {entry['dataset']} has classes 0 to {classes - 1}")
        if label == -1 < max(attack.values()):
            raise WorkflowError(f"config: {key}.{name}: is missing; poisoning needs attack_class and target_class")
    if attack["attack_class"] == attack["target_class"] != -1:
        raise WorkflowError(f"config: {key}.target_class: is the attack_class itself; choose another")
for pool in config["pools"]:
    shards = {str(path) for path in Path(f"{RESULTS}/pools/{pool}").glob("[!.]*.safetensors")}
    if others := sorted(shards - set(get_shards(pool))):
        these = f"{others[0]} and {len(others) - 1} more are" if others[1:] else f"{others[0]} is"
        raise WorkflowError(
            f"config: pools.{pool}: {these} left from other values of nets, held_out or shard; remove what is"
        )
protocols = {"": {}} | {f".experiments.{name}": entry for name, entry in config["baselines"]["experiments"].items()}
for key, entry in protocols.items():
    protocol = config["baselines"] | entry
    if protocol["candidates"] < protocol["draws"]:
        raise WorkflowError(f"config: baselines{key}.candidates: are fewer than the {protocol['draws']} draws")
if "apptainer" in map(str, workflow.deployment_settings.deployment_method):
    image = config["container"]
    if "://" not in image and not Path(image).exists():
        raise WorkflowError(f"config: container: no such file {image}; README, Containers, tells how to build it")


wildcard_constraints:
    experiment=any_of(config["experiments"]),
    figure=any_of(config["figures"]),
    curves=any_of(config["curves"]),
    table=any_of(config["tables"]),
    baseline=any_of(BASELINES),
    bars=any_of(config["bars"]),
    pool=any_of(config["pools"]),
    part="train|held-out",
    first=r"\d+",
    method=any_of(ADAPTATIONS),
    weights=any_of(WEIGHTS),
