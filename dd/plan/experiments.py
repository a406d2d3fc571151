"""Experiments: how they are distilled and judged, and what they are compared with."""

from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.config.checks import check_experiment
from dd.config.model import Config
from dd.distill import modules
from dd.nets import module_of
from dd.plan.options import flags
from dd.plan.pools import PoolPlan
from dd.plan.resources import memory
from dd.runtime.errors import UserError

NOT_OPTIONS = {"dataset", "pool", "pretrained", "seeds"}
"""The keys of an experiment that are not settings of `dd distill`."""


class ExperimentPlan:
    """What the rules of `distill.smk`, `evaluate.smk`, `transfer.smk`, `baseline.smk` and `adapt.smk` need."""

    def __init__(self, config: Config, pools: PoolPlan) -> None:
        self.config, self.files, self.pools = config, config.files, pools
        self.names = list(config.all_experiments)
        self.baselines = list(BASELINES)
        self.adaptations = list(ADAPTATIONS)

    def data(self, experiment: str) -> dict[str, str | list[str]]:
        """The prepared files of an experiment's dataset, and the shards of its pool.

        Raises:
            UserError: the settings of the experiment do not go together.
        """
        check_experiment(experiment, self.config)
        entry = self.config.all_experiments[experiment]
        shards = self.pools.shards(entry.pool) if entry.pool else []
        return {**self.files.prepared(entry.dataset), "pool": shards}

    def weights(self, experiment: str) -> list[str]:
        """The file of weights that an experiment starts from, if it has one."""
        name = self.config.all_experiments[experiment].pretrained
        return [self.files.weights(name)] if name else []

    def options(self, experiment: str) -> str:
        """Options of `dd distill`."""
        return flags(self.config.all_experiments[experiment].model_dump(exclude_unset=True, exclude=NOT_OPTIONS))

    def pool_option(self, experiment: str) -> str:
        """The option that names the folder of an experiment's pool, if it has one."""
        pool = self.config.all_experiments[experiment].pool
        return f"--pool {self.files.pool(pool)}" if pool else ""

    def memory(self, experiment: str, threads: int, attempt: int, *, at_least: int = 0) -> int:
        """MiB of a job with an experiment's network; `at_least` so many in the first attempt."""
        return max(memory(self.config.all_experiments[experiment].net, threads, attempt), attempt * at_least)

    def modules(self, experiment: str) -> tuple[str, ...]:
        """The modules that make an experiment run again when they change."""
        return modules(self.config.all_experiments[experiment].net)

    def evaluation_nets(self, experiment: str) -> int:
        """Held-out networks that a set is judged on; seeds and points of curves have those of their experiment."""
        config = self.config
        derived = (config.points | config.further_seeds).get(experiment)
        name = derived.experiment if derived else experiment
        return config.evaluate.experiments.get(name, config.evaluate).nets

    def evaluation_modules(self, experiment: str) -> tuple[str, ...]:
        """The modules that make an evaluation run again when they change."""
        return "dd.evaluation.held_out", self._network(experiment)

    def page_modules(self, experiment: str) -> tuple[str, ...]:
        """The modules that make the page of an experiment again when they change."""
        return "dd.report.experiment_page", "dd.report.class_accuracy", self._network(experiment)

    def transfer_modules(self) -> tuple[str, ...]:
        """The modules that make an evaluation on other networks run again when they change."""
        return "dd.evaluation.held_out", *map(module_of, self.config.transfer.nets)

    def transfer_options(self) -> str:
        """Options of `dd evaluate` that name the other networks and how they are trained."""
        nets = [f"--net {net}" for net in self.config.transfer.nets]
        return " ".join([*nets, *(f"--protocol {name}" for name in self.config.transfer.protocols)])

    def baseline_data(self, experiment: str) -> dict[str, str | list[str]]:
        """What `data` has, for a baseline in place of the experiment's set.

        Raises:
            UserError: what `data` raises, or the images that are to choose were trained on by the experiment.
        """
        common = self.config.baselines
        held_out = common.experiments.get(experiment, common).choose_on == "held-out"
        if held_out and self.config.all_experiments[experiment].train_on_all:
            raise UserError(
                f"baselines.choose_on: held-out, but {experiment} trains on these images; set its train_on_all to "
                "false, or choose on test"
            )
        return self.data(experiment)

    def baseline_options(self, experiment: str, baseline: str) -> str:
        """Options of `dd baseline`: only those that change this baseline, so that others do not make it run again."""
        common = self.config.baselines
        settings = common.experiments.get(experiment, common).model_dump(exclude_unset=True, exclude={"experiments"})
        needed = BASELINES[baseline].settings
        return flags({key: value for key, value in settings.items() if key in needed})

    def baseline_gpus(self, baseline: str) -> int:
        """GPUs of a job that measures a baseline."""
        return 1 if BASELINES[baseline].gpu else 0

    def baseline_modules(self, experiment: str, baseline: str) -> tuple[str, ...]:
        """The modules that make a baseline run again when they change."""
        return "dd.baselines.grid", BASELINES[baseline].module, self._network(experiment)

    def adaptation_options(self, experiment: str, method: str) -> str:
        """Options of `dd adapt`."""
        changed = self.config.adapt.experiments.get(experiment, self.config.adapt)
        return flags(getattr(changed, method).model_dump(exclude_unset=True))

    def adaptation_modules(self, experiment: str, method: str) -> tuple[str, ...]:
        """The modules that make an adaptation run again when they change."""
        return "dd.adaptation.adapt", ADAPTATIONS[method].module, self._network(experiment)

    def source(self, experiment: str, method: str) -> list[str]:
        """The dataset that an experiment's networks were pre-trained on, if the way of adapting needs its images."""
        pool = self.config.all_experiments[experiment].pool
        if not pool or not ADAPTATIONS[method].needs_source:
            return []
        return [self.files.dataset(self.config.pools[pool].dataset)]

    def _network(self, experiment: str) -> str:
        return module_of(self.config.all_experiments[experiment].net)
