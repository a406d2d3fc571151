"""What all kinds of figures and tables have in common: their entries in config.yaml, and how each is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from dd.runtime.errors import UserError
from dd.runtime.result_files import ResultFiles
from dd.runtime.settings_model import did_you_mean

Entry = TypeVar("Entry")


class Section(NamedTuple):
    """The key of config.yaml that holds the figures or tables of a kind."""

    key: str
    model: Any
    """The type of its value."""
    field: Any
    """A pydantic `Field`: its meaning as `description`, and a default unless config.yaml must have the key."""


class Derived(NamedTuple):
    """An experiment that is made from one in config.yaml: another seed of it, or the point of a curve."""

    experiment: str
    """The one in config.yaml, whose settings it starts from."""
    changed: dict[str, Any]
    """The settings that differ."""


class ExperimentSettings(Protocol):
    """The settings of an experiment that figures and tables always use."""

    @property
    def dataset(self) -> str:
        """The dataset that it distils."""

    @property
    def init(self) -> str:
        """The initial weights that it distils for."""

    @property
    def pretrained(self) -> str | None:
        """The file of weights that its network comes from, if it comes from one."""

    @property
    def steps(self) -> int:
        """GD steps in an epoch."""

    @property
    def attacks(self) -> bool:
        """Whether it poisons."""


class Run(Protocol):
    """What figures and tables are made from; `dd.config.model.Config` is one."""

    @property
    def experiments(self) -> Mapping[str, ExperimentSettings]:
        """The experiments in config.yaml, by name."""

    @property
    def files(self) -> ResultFiles:
        """The places of the files of this run."""

    def seeds_of(self, experiment: str) -> list[str]:
        """The names of what an experiment distils: itself, then its further seeds."""

    def source(self, experiment: str) -> str | None:
        """The dataset that the networks of an experiment's pool were trained on, if it has a pool."""

    def trained_on(self, experiment: str) -> str:
        """What an experiment's networks were trained on before; empty if nothing, or ImageNet."""

    def original(self, dataset: str) -> str:
        """The dataset that the images of a variant come from unchanged, or the dataset itself."""


class Artefact(ABC, Generic[Entry]):
    """A figure or table: its entry in config.yaml, the files that it is made of, its command, and the files it makes.

    The workflow has one rule for each kind, which is a subclass.
    """

    rule: ClassVar[str]
    """The name of the workflow's rule."""
    command: ClassVar[str]
    """`python -m dd <command>` makes one."""
    section: ClassVar[Section | None] = None
    """None if users can choose nothing about it."""
    folder: ClassVar[str]
    """The folder of its files, inside the folder of the results."""
    category: ClassVar[str]
    """The category of the report that shows it."""
    noun: ClassVar[str]
    """What the report calls it there, such as `figure`."""
    label: ClassVar[str] = "{name}"
    """Its label in the report."""
    outputs: ClassVar[Mapping[str, str]]
    """The files it makes: for each ending, the option of the command that names the file."""
    shown: ClassVar[str]
    """The ending of the file that the report shows."""

    def __init__(self, name: str, entry: Entry, run: Run) -> None:
        """`entry` is what the section holds under `name`."""
        self.name, self.entry, self.run = name, entry, run

    @property
    def key(self) -> str:
        """Its key in config.yaml, or its name where it has none."""
        section = type(self).section
        return self.name if section is None or section.key == self.name else f"{section.key}.{self.name}"

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, Any]:
        """The entries of this kind in a `dd.config.model.Config`, by name; None for one that is empty there."""
        return getattr(config, cls.section.key) if cls.section else {}

    @abstractmethod
    def named(self) -> list[str]:
        """The experiments that its entry names."""

    def check(self) -> None:
        """Refuse an entry that cannot be made.

        Raises:
            UserError: the key of config.yaml, what is wrong there, and the cure.
        """
        self.check_experiments(self.key)

    def check_experiments(self, key: str) -> None:
        """Refuse names of experiments that do not exist; raises what `check` raises."""
        for name in self.named():
            if name not in self.run.experiments:
                near = did_you_mean(name, self.run.experiments)
                raise UserError(f"{key}: no experiment {name!r}{near}")

    def check_rows(self, rows: Mapping[str, tuple]) -> None:
        """Refuse two experiments with equal `rows`: they would share a row or panel. Raises what `check` raises."""
        seen: dict[tuple, str] = {}
        for name, row in rows.items():
            first = seen.setdefault(row, name)
            if first != name:
                raise UserError(f"{self.key}: {first} and {name} would have one name there; leave one out")

    def points(self) -> dict[str, Derived]:
        """The experiments that it needs besides those of config.yaml, by name."""
        return {}

    def experiments(self) -> list[str]:
        """The experiments that it needs, with all their seeds."""
        return [seed for name in self.named() for seed in self.run.seeds_of(name)]

    def evaluated(self) -> list[str]:
        """The CSVs of `dd evaluate` of the experiments that it needs."""
        return [self.run.files.evaluated(name) for name in self.experiments()]

    @abstractmethod
    def inputs(self) -> dict[str, list[str]]:
        """The files that its command reads, in groups by name."""

    @abstractmethod
    def arguments(self) -> list[str]:
        """The arguments of its command, without the options for the files that it makes."""

    @abstractmethod
    def caption(self) -> str:
        """The text below it in the report, in reStructuredText."""

    def path(self, ending: str) -> str:
        """One of the files it makes."""
        return f"{self.run.files.results}/{self.folder}/{self.name}.{ending}"

    def files(self) -> list[str]:
        """The files that a user asks for by its name."""
        return [self.path(ending) for ending, option in self.outputs.items() if option == "--out"]

    def words(self) -> list[str]:
        """The whole command, after `python -m dd`."""
        made = [word for ending, option in self.outputs.items() for word in (option, self.path(ending))]
        return [self.command, *self.arguments(), *made]

    def modules(self) -> tuple[str, ...]:
        """The modules whose change makes it anew."""
        return (type(self).__module__,)

    def measurements(self) -> list[str]:
        """The CSVs that are compared with the paper, one for each seed or one in all; none if it is not compared."""
        return []


def options(flag: str, values: Sequence[str]) -> list[str]:
    """An option that is repeated for each of its values, as words."""
    return [word for value in values for word in (flag, value)]
