"""Checks of a config that concern several keys."""

from dd.baselines.settings import BaselineSettings
from dd.config.datasets import not_one_of
from dd.config.model import Config
from dd.config.sections import ExperimentEntry
from dd.distill.init_kinds import INITS
from dd.nets import take_same_weights
from dd.report.artefact import Artefact
from dd.report.comparison import check_place
from dd.report.records import Place
from dd.runtime.code_digest import find
from dd.runtime.errors import UserError
from dd.runtime.settings_model import did_you_mean, shortened

SHARED_FOLDERS = ("data", "published")
"""Folders of `results/` that have another use, so that no scale may have these names."""


def check(config: Config) -> None:
    """Refuse a config whose parts do not go together, apart from what only concerns one thing that it names.

    Raises:
        UserError: the key, what is wrong there, and the cure.
    """
    if config.scale in SHARED_FOLDERS:
        raise UserError(f"scale: results/{config.scale} is another folder; choose another name")
    for name in config.transfer.nets:
        check_module("transfer.nets", name)
    for name in config.judge.nets:
        check_module("judge.nets", name)
    check_further_seeds(config)
    check_baselines(config)
    check_named_experiments(config)
    check_names_in_all(config)
    check_not_run(config)


def check_artefact(artefact: Artefact, config: Config) -> None:
    """Refuse a figure or table that cannot be made, or whose experiments cannot; raises what `check` raises."""
    for name in artefact.named():
        if name in config.experiments:
            check_experiment(name, config)
    artefact.check()
    for name, point in config.points_of(artefact).items():
        given = config.all_experiments[name]
        if given.model_dump(exclude={"seeds"}) != point.model_dump(exclude={"seeds"}):
            raise UserError(f"experiments.{name}: a point of a curve has this name; choose another")
    for name in artefact.experiments():
        check_experiment(name, config)


def check_pool(name: str, config: Config) -> None:
    """Refuse a pool of an unknown dataset or of networks that do not exist; raises what `check` raises."""
    pool = config.pools[name]
    check_module(f"pools.{name}.net", pool.net)
    if pool.dataset not in config.datasets:
        raise UserError(f"pools.{name}.dataset: {not_one_of(pool.dataset, config.datasets)}")


def check_experiment(name: str, config: Config) -> None:
    """Refuse an experiment whose data, network and initial weights do not go together; raises what `check` raises."""
    key, experiment = f"experiments.{name}", config.all_experiments[name]
    check_module(f"{key}.net", experiment.net)
    if experiment.dataset not in config.datasets:
        raise UserError(f"{key}.dataset: {not_one_of(experiment.dataset, config.datasets)}")
    if experiment.pool and experiment.pool not in config.pools:
        raise UserError(f"{key}.pool: {not_one_of(experiment.pool, config.pools)}")
    check_sources(key, experiment)
    if experiment.pool:
        check_pool(experiment.pool, config)
        check_pool_of(key, experiment, config)
    if lacks := experiment.missing_class(experiment.dataset, config.datasets[experiment.dataset].classes):
        raise UserError(f"{key}.{lacks}")


def check_sources(key: str, experiment: ExperimentEntry) -> None:
    """Refuse a source of initial weights that the init does not take; raises what `check` raises."""
    keys = {"pool": "pool", "file": "pretrained"}
    given = [name for name in keys.values() if getattr(experiment, name)]
    allowed = [keys[source] for source in INITS[experiment.init].sources]
    if allowed and (len(given) != 1 or given[0] not in allowed):
        raise UserError(f"{key}.init: {experiment.init} needs {' or '.join(allowed)}")
    if given and not allowed:
        raise UserError(f"{key}.init: {experiment.init} needs neither pool nor pretrained; leave out {given[0]}")


def check_pool_of(key: str, experiment: ExperimentEntry, config: Config) -> None:
    """Refuse a pool of other networks, or of networks for other images; raises what `check` raises."""
    name, pool = experiment.pool, config.pools[str(experiment.pool)]
    if experiment.net != pool.net:
        raise UserError(f"{key}.pool: {name} has nets {pool.net}, not {experiment.net}")
    wanted, found = config.datasets[experiment.dataset], config.datasets[pool.dataset]
    fits = wanted.channels == found.channels and wanted.classes == found.classes
    if not fits or not take_same_weights(pool.net, wanted.size, found.size):
        raise UserError(
            f"{key}.pool: {name} is for images {found[:2]} (channels, pixels a side) of {found.classes} classes, but "
            f"{experiment.dataset} has {wanted[:2]} of {wanted.classes}"
        )
    if INITS[experiment.init].one_net and experiment.pool_net >= pool.nets:
        raise UserError(f"{key}.pool_net: {name} has the nets 0 to {pool.nets - 1}")


def check_module(key: str, net: str) -> None:
    """Refuse a network of the user whose module is not found; raises what `check` raises."""
    module, colon, _ = net.partition(":")
    if colon and find(module) is None:
        raise UserError(f"{key}: no module {module} here or on PYTHONPATH")


def check_further_seeds(config: Config) -> None:
    """Refuse an experiment with the name of a further seed of another; raises what `check` raises."""
    for name, seed in config.further_seeds.items():
        if name in config.experiments:
            raise UserError(
                f"experiments.{name}: a seed of {seed.experiment} has this name, as its seeds are "
                f"{config.experiments[seed.experiment].seeds}; choose another"
            )


def check_baselines(config: Config) -> None:
    """Refuse fewer candidates than the draws that are chosen from them; raises what `check` raises."""
    every: dict[str, BaselineSettings] = {"baselines": config.baselines}
    every |= {f"baselines.experiments.{name}": entry for name, entry in config.baselines.experiments.items()}
    for key, entry in every.items():
        try:
            entry.check_candidates()
        except UserError as error:
            raise UserError(f"{key}.{error}") from error


def check_named_experiments(config: Config) -> None:
    """Refuse settings for an experiment that does not exist; raises what `check` raises."""
    for section in ("evaluate", "baselines", "adapt"):
        for name in getattr(config, section).experiments:
            if name not in config.experiments:
                near = did_you_mean(name, config.experiments)
                raise UserError(f"{section}.experiments: no experiment {shortened(name)}{near}")


def check_names_in_all(config: Config) -> None:
    """Refuse a name in `all` that no figure, table or experiment has; raises what `check` raises."""
    known = [*(artefact.name for artefact in config.artefacts), *config.experiments]
    for name in config.wanted:
        if name not in known:
            near = did_you_mean(name, known)
            raise UserError(f"all: no figure, table or experiment {name!r}; there are {', '.join(known)}{near}")


def check_not_run(config: Config) -> None:
    """Refuse reasons for what the paper does not have; raises what `check` raises."""
    for where, reasons in config.not_run.items():
        for task in reasons:
            check_place(f"not_run.{where}", Place(where, task))
