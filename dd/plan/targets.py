"""The targets that users can name, what `all` makes, and the comparison with the paper."""

import contextlib
import functools
import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from dd.adaptation import ADAPTATIONS
from dd.baselines import BASELINES
from dd.config.checks import check_artefact, check_experiment
from dd.config.model import Config
from dd.plan.options import command_line, flags
from dd.plan.pools import PoolPlan
from dd.report.artefact import Artefact, options
from dd.report.figures import FIGURES
from dd.report.kinds import KINDS
from dd.report.tables import TABLES
from dd.runtime.errors import UserError

COMPARISON = ("csv", "md", "tex", "html")
"""Endings of the files of the comparison."""


class Target(NamedTuple):
    """Something that a user can ask for."""

    what: str
    """What it is, such as `a figure`."""
    name: str
    key: str
    """The key in config.yaml that names it."""


class TargetPlan:
    """What the rules of `report.smk`, `compare.smk` and `targets.smk` need."""

    def __init__(self, config: Config, pools: PoolPlan) -> None:
        self.config, self.files, self.pools = config, config.files, pools
        self.kinds = KINDS
        self._by_name = {artefact.name: artefact for artefact in config.artefacts}

    def artefact(self, name: str) -> Artefact:
        """A figure or table."""
        return self._by_name[name]

    def inputs(self, name: str) -> dict[str, list[str]]:
        """The files that a figure or table is made from; raises what `files_of` raises."""
        return self._checked(name).inputs()

    def _checked(self, name: str) -> Artefact:
        check_artefact(self._by_name[name], self.config)
        return self._by_name[name]

    def named(self, kind: type[Artefact]) -> list[str]:
        """All figures or tables of a kind."""
        return [artefact.name for artefact in self.config.artefacts if type(artefact) is kind]

    def command(self, name: str) -> str:
        """What makes a figure or table, after `python -m dd`."""
        return self._line(self.artefact(name).words())

    def linear_options(self) -> str:
        """How `dd linear-case` measures."""
        settings = self.config.linear_case.model_dump()
        return flags({**settings, "sizes": ",".join(map(str, settings["sizes"]))})

    def subcategory(self, experiment: str) -> str:
        """The subcategory of the report that shows the training of an experiment."""
        given = self.config.experiments | self.config.further_seeds
        return "experiments" if experiment in given else "points of curves"

    def targets(self, taken: Collection[str]) -> list[Target]:
        """Everything that can be asked for by its name.

        Raises:
            UserError: two targets have one name, or a target has a name that is `taken` by the workflow's rules.
        """
        made = [Target(f"a {artefact.noun}", artefact.name, artefact.key) for artefact in self.config.artefacts]
        pools = [Target("a pool", name, f"pools.{name}") for name in self.config.pools]
        experiments = [Target("an experiment", name, f"experiments.{name}") for name in self.config.experiments]
        # names that no user has chosen come first, so that the error is about the name that a user has chosen
        targets = sorted([*pools, *experiments, *made], key=lambda target: target.key != target.name)
        seen = dict.fromkeys(taken, "a rule of the workflow")
        for target in targets:
            if target.name in seen:
                raise UserError(f"{target.key}: {seen[target.name]} has this name; choose another")
            seen[target.name] = target.what if target.key == target.name else f"{target.what}, {target.key},"
        return targets

    def files_of(self, name: str) -> list[str]:
        """The files of a target; a figure or table comes with the training curves of its experiments.

        Raises:
            UserError: it cannot be made: the key, what is wrong there, and the cure.
        """
        if name in self.config.pools:
            return self.pools.shards(name)
        if name in self.config.experiments:
            kinds = self.files.evaluated, self.files.training
            return [path(seed) for seed in self.config.seeds_of(name) for path in kinds]
        artefact = self._checked(name)
        return [*artefact.files(), *map(self.files.training, sorted(set(artefact.experiments())))]

    def all(self) -> list[str]:
        """What `all` makes; raises what `files_of` raises."""
        made = [path for name in self.config.wanted for path in self.files_of(name)] + self.pages()
        if self.compared():
            made += self.comparison_files()
        return [*dict.fromkeys(made), f"{self.files.results}/configuration.html"]

    def pages(self) -> list[str]:
        """The pages of the experiments that `all` evaluates."""
        needed = self._needed
        return [self.files.page(name) for name in self.config.experiments if self.files.evaluated(name) in needed]

    def page_inputs(self, experiment: str) -> dict[str, list[str]]:
        """What the page of an experiment is made from, with as much beside its set as `all` measures anyway."""
        files, needed = self.files, self._needed
        beside = [files.baseline(experiment, name) for name in BASELINES]
        beside += [files.adapted(experiment, name) for name in ADAPTATIONS]
        return {
            "set": [files.distilled(experiment)],
            "history": [files.history(experiment)],
            "snapshots": [files.snapshots(experiment)],
            "metrics": [files.evaluated(seed) for seed in self.config.seeds_of(experiment)],
            "beside": [path for path in beside if path in needed],
        }

    def page_options(self, experiment: str) -> str:
        """Options of `dd page` that name what `page_inputs` has."""
        read = self.page_inputs(experiment)
        return shlex.join([word for name, paths in read.items() for word in options(f"--{name}", paths)])

    @functools.cached_property
    def _needed(self) -> set[str]:
        """The files that the figures and tables of `all` are made from; those that cannot be made need none."""
        needed: set[str] = set()
        for name in self.config.wanted:
            if name in self.config.experiments:
                needed.update(map(self.files.evaluated, self.config.seeds_of(name)))
                continue
            with contextlib.suppress(UserError):  # `all` refuses it; the page of an experiment does without
                needed.update(*self.inputs(name).values())
        return needed

    def downloads(self) -> list[str]:
        """The datasets and weights that `all` needs: what `download_all` makes. Raises what `files_of` raises."""
        experiments = {name for wanted in self.config.wanted for name in self._experiments_of(wanted)}
        entries = [self.config.all_experiments[name] for name in experiments]
        datasets = {entry.dataset for entry in entries}
        datasets |= {self.config.pools[entry.pool].dataset for entry in entries if entry.pool}
        weights = {entry.pretrained for entry in entries if entry.pretrained}
        return sorted([*map(self.files.dataset, datasets), *map(self.files.weights, weights)])

    def _experiments_of(self, wanted: str) -> list[str]:
        if wanted in self._by_name:
            return self._checked(wanted).experiments()
        check_experiment(wanted, self.config)
        return self.config.seeds_of(wanted)

    def compared(self) -> list[tuple[str, str]]:
        """The name and CSV of everything in `all` that the paper has too; a figure may have a CSV for each seed."""
        shown = [name for name in self.config.wanted if name in self._by_name]
        return [(name, path) for name in shown for path in self._by_name[name].measurements()]

    def histories(self) -> list[str]:
        """The histories of the distillations that `compared` rests on; raises what `files_of` raises.

        Points of curves are left out: they are cut short, so their time says nothing of a distillation's.
        """
        made = {name for wanted, _ in self.compared() for name in self._checked(wanted).experiments()}
        made -= self.config.points.keys() - self.config.experiments.keys()
        return [self.files.history(name) for name in sorted(made)]

    def comparison_modules(self) -> list[str]:
        """The modules that make the comparison run again when they change."""
        figures = [figure.comparison.module for figure in FIGURES.values() if figure.comparison]
        tables = [table.module for table in TABLES.values()]
        return ["dd.report.comparison", "dd.report.comparison_page", *figures, *tables]

    def comparison(self) -> str:
        """What writes the comparison, after `python -m dd`; raises what `files_of` raises."""
        words = ["compare", "--scale", self.config.scale]
        for name, path in self.compared():
            words += ["--measured", name, path]
        for where, reasons in self.config.not_run.items():
            words += [word for task, why in reasons.items() for word in ("--not-run", where, task, why)]
        words += options("--history", self.histories())
        words += options("--out", self.comparison_files())
        return self._line([*words, "--verdicts", f"{self.files.results}/verdicts.html"])

    def comparison_files(self) -> list[str]:
        """The files of the comparison."""
        return [f"{self.files.results}/compare.{ending}" for ending in COMPARISON]

    def configuration(self, written: Mapping[str, Any]) -> str:
        """What writes the page of the configuration, after `python -m dd`.

        It shows the keys and values of config.yaml as `written`, and further seeds and points among the experiments.
        """
        experiments = dict(written["experiments"])
        derived = {}
        for name, each in (self.config.further_seeds | self.config.points).items():
            one = {"seeds": 1} if self.config.experiments[each.experiment].seeds > 1 else {}
            derived[name] = experiments[each.experiment] | one | each.changed
        plain = json.loads(json.dumps({**written, "experiments": experiments | derived}))  # without YAML's anchors
        text = yaml.safe_dump(plain, width=100)
        page = f"{self.files.results}/configuration.html"
        return self._line(["configuration", "--text", text, "--scale", self.config.scale, "--out", page])

    def _line(self, words: Sequence[str]) -> str:
        return command_line(words, f"{self.files.work}/arguments")
