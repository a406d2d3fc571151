"""The whole of config.yaml as one model, in which every key occurs once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from dd.config.datasets import Images, datasets_of, not_one_of
from dd.config.sections import (
    Adapt,
    Baselines,
    Data,
    DistillSection,
    Evaluate,
    ExperimentEntry,
    PoolEntry,
    PoolSection,
)
from dd.data.weights import WEIGHTS
from dd.distill.recipes import RECIPES
from dd.report.artefact import Artefact, Derived
from dd.report.kinds import KINDS
from dd.runtime.errors import UserError
from dd.runtime.result_files import ResultFiles
from dd.runtime.settings_model import Count, Name, Names, OneOf, Settings, Text, made_settings

Reasons = Annotated[
    dict[str, Annotated[str, Field(description="the reason, by task, such as cifar10")]],
    Field(description="a table or figure, such as fig6"),
]

RecipeName = Annotated[str, OneOf.of(RECIPES)]
_SECTIONS = [kind.section for kind in KINDS if kind.section is not None]
_SHOWN = {section.key: (section.model, section.field) for section in _SECTIONS}


class Computed(Settings):
    """What is computed: all keys of config.yaml except those of figures and tables."""

    scale: Name
    """results go to `results/<scale>/`, checkpoints to `work/<scale>/`, so that scales never mix"""
    extends: Literal["paper", "none"] = "paper"
    """paper: the experiments, pools, figures and tables of config.yaml are there too; none: only those of overlays"""
    all: Names
    """what `snakemake` without a target makes: figures, tables, experiments"""
    threads: Count = 1
    """CPU threads of a job; jobs run side by side up to --cores, so raise this only when cores lie idle"""
    container: Text = "dataset-distillation.sif"
    """image that jobs run in under `--sdm apptainer`: a .sif file or docker://NAME"""
    data: Data
    pool: PoolSection
    pools: dict[Name, PoolEntry]
    """Pools of networks, by name. `snakemake <name>` trains one."""
    recipe: RecipeName = "paper"
    """values of what `distill` and an experiment leave at the paper's; docs/recipe.md says what they are"""
    distill: DistillSection
    """Every experiment has these settings unless it changes them. `python -m dd distill` has all but `seeds`."""
    experiments: dict[Name, ExperimentEntry] = Field(min_length=1)
    """What is distilled, by name. `snakemake <name>` distils its sets, one for each seed, and evaluates them."""
    evaluate: Evaluate
    baselines: Baselines
    adapt: Adapt
    not_run: dict[str, Reasons]
    """Why a scale lacks some of the paper's numbers; the comparison shows the reason."""


class Config(made_settings("Shown", _SHOWN), Computed):  # type: ignore[misc]  # a key for each kind of figure or table
    """config.yaml after all overlays. Pools and experiments include the settings of `pool` and `distill`."""

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, values: Any) -> Any:
        """Write the common settings into each pool, experiment and other entry that may change them."""
        if not isinstance(values, Mapping):
            return values
        values = dict(values)
        values["pools"] = _each_over(values.get("pool"), values.get("pools"))
        values["experiments"] = _distilled(values.get("distill"), values.get("experiments"), values.get("recipe"))
        for section in ("evaluate", "baselines", "adapt"):
            found = values.get(section)
            if isinstance(found, Mapping):
                common = {key: value for key, value in found.items() if key != "experiments"}
                values[section] = {**found, "experiments": _each_over(common, found.get("experiments", {}))}
        return values

    @property
    def files(self) -> ResultFiles:
        """Where the files of this run lie."""
        return ResultFiles(self.scale)

    @cached_property
    def artefacts(self) -> list[Artefact]:
        """All figures and tables."""
        return [kind(name, entry, self) for kind, name, entry in self._entries if entry is not None]

    @cached_property
    def wanted(self) -> list[str]:
        """The names in `all`, without those whose entries are empty."""
        empty = {name for _, name, entry in self._entries if entry is None}
        return [name for name in self.all if name not in empty]

    @cached_property
    def _entries(self) -> list[tuple[type[Artefact], str, Any]]:
        return [(kind, name, entry) for kind in KINDS for name, entry in kind.entries(self).items()]

    @cached_property
    def points(self) -> dict[str, Derived]:
        """The points of all curves that can be made, by name; the others are refused where they are asked for."""
        return {name: point for artefact in self._with_points for name, point in artefact.points().items()}

    @cached_property
    def all_experiments(self) -> dict[str, ExperimentEntry]:
        """The experiments of config.yaml, their further seeds and the points of curves that can be made, by name."""
        points = {name: entry for entries in self._with_points.values() for name, entry in entries.items()}
        given = self.experiments | self._entries_of(self.further_seeds)
        return given | points | given  # in this order, and none hidden by a point

    @cached_property
    def further_seeds(self) -> dict[str, Derived]:
        """What the experiments distil with other seeds than their own, by name: `<experiment>_seed<seed>`."""
        return {seed: each for name in self.experiments for seed, each in self._further_seeds_of(name).items()}

    def seeds_of(self, experiment: str) -> list[str]:
        """The names of what an experiment in config.yaml distils: itself, then its further seeds."""
        return [experiment, *self._further_seeds_of(experiment)]

    def _further_seeds_of(self, experiment: str) -> dict[str, Derived]:
        entry = self.experiments[experiment]
        seeds = range(entry.seed + 1, entry.seed + entry.seeds)
        return {f"{experiment}_seed{seed}": Derived(experiment, {"seed": seed}) for seed in seeds}

    @cached_property
    def _with_points(self) -> dict[Artefact, dict[str, ExperimentEntry]]:
        """The points of each figure and table that can be made."""
        found = {}
        for artefact in self.artefacts:
            with contextlib.suppress(UserError):
                found[artefact] = self.points_of(artefact)
        return found

    def points_of(self, artefact: Artefact) -> dict[str, ExperimentEntry]:
        """The points of a figure or table with all their settings, by name.

        Raises:
            UserError: the figure or table cannot be made, or the settings of a point contradict each other.
        """
        artefact.check()
        try:
            return self._entries_of(artefact.points())
        except UserError as error:
            raise UserError(f"{artefact.key}: the point {error}") from error

    def _entries_of(self, derived: Mapping[str, Derived]) -> dict[str, ExperimentEntry]:
        """All settings of derived experiments, each of which has one seed."""
        found = {}
        for name, each in derived.items():
            base = self.experiments[each.experiment].model_dump(exclude_unset=True, exclude={"seeds"})
            try:
                found[name] = ExperimentEntry(**base | each.changed)
            except UserError as error:
                raise UserError(f"{name} of {each.experiment}: {error}") from error
        return found

    @cached_property
    def datasets(self) -> dict[str, Images]:
        """All datasets that experiments may name; raises what `dd.config.datasets.datasets_of` raises."""
        return datasets_of(self.data)

    def source(self, experiment: str) -> str | None:
        """The dataset that the networks of the pool of an experiment in config.yaml were trained on, if it has a pool.

        Raises:
            UserError: there is no such pool.
        """
        pool = self.experiments[experiment].pool
        if pool and pool not in self.pools:
            raise UserError(f"experiments.{experiment}.pool: {not_one_of(pool, self.pools)}")
        return self.pools[pool].dataset if pool else None

    def trained_on(self, experiment: str) -> str:
        """What the networks of an experiment in config.yaml were trained on before; empty if nothing, or ImageNet.

        Raises:
            UserError: there is no such pool.
        """
        file = self.experiments[experiment].pretrained
        return WEIGHTS[file].trained_on if file else self.source(experiment) or ""

    def original(self, dataset: str) -> str:
        """The dataset whose images a variant shows; an inverted or noisy variant has images of its own."""
        variant = self.data.variants.get(dataset)
        if variant is None or variant.invert or variant.noise:
            return dataset
        return variant.of


def _distilled(common: Any, experiments: Any, recipe: Any) -> Any:
    """Each of `experiments` over the `common` settings; the recipe's stand in place of the paper's among those."""
    found = _each_over(common, experiments)
    if not (isinstance(common, Mapping) and isinstance(experiments, Mapping) and recipe in list(RECIPES)):
        return found
    paper = {key: field.default for key, field in DistillSection.model_fields.items()}
    left = {key for key, value in common.items() if value == paper.get(key)}
    for name, entry in experiments.items():
        if isinstance(entry, Mapping):
            values = RECIPES[recipe].values_for(found[name].get("init", paper["init"]))
            found[name] |= {key: value for key, value in values.items() if key in left and key not in entry}
    return found


def _each_over(common: Any, entries: Any) -> Any:
    """Each of `entries` over the `common` settings. A value that is no mapping stays as it is, and is refused later."""
    if not (isinstance(common, Mapping) and isinstance(entries, Mapping)):
        return entries
    return {name: _over(common, entry) for name, entry in entries.items()}


def _over(common: Any, entry: Any) -> Any:
    """`common` with the values of `entry` in place of its own, section by section."""
    if not (isinstance(common, Mapping) and isinstance(entry, Mapping)):
        return entry
    return {**common, **{key: _over(common.get(key), value) for key, value in entry.items()}}
