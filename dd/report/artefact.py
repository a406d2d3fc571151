"""What all kinds of figures and tables have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from dd.runtime.errors import UserError
from dd.runtime.settings import did_you_mean

if TYPE_CHECKING:
    from dd.runtime.result_files import ResultFiles
    from dd.config.sections import Experiment

Entry = TypeVar("Entry")


class Point(NamedTuple):
    """An experiment that is the point of a curve."""

    experiment: str
    """The one of config.yaml whose settings it starts from."""
    changed: dict[str, Any]
    """The settings that differ."""


class Run(Protocol):
    """What figures and tables are made from; `dd.config.model.Config` is one."""

    @property
    def experiments(self) -> Mapping[str, Experiment]:
        """Those that config.yaml names."""

    @property
    def files(self) -> ResultFiles:
        """Where the files lie."""

    def source(self, experiment: str) -> str | None:
        """The dataset that an experiment's networks were trained on before, if they were."""

    def original(self, dataset: str) -> str:
        """The dataset that the images of a variant come from unchanged, or the dataset itself."""


class Artefact(ABC, Generic[Entry]):
    """A figure or table: what config.yaml says of it, what it is made of, and the files that it makes."""

    section: ClassVar[str]
    """The key of config.yaml under which these are, by name; rules call the kind so too."""
    endings: ClassVar[tuple[str, ...]] = ("png", "pdf")
    """Of the files that users ask for."""

    def __init__(self, name: str, entry: Entry, run: Run) -> None:
        """`entry` is what the section holds under `name`."""
        self.name, self.entry, self.run = name, entry, run

    @property
    def key(self) -> str:
        """Its key in config.yaml."""
        return self.name if self.name == self.section else f"{self.section}.{self.name}"

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, Any]:
        """All that a `dd.config.model.Config` has of this kind, by name."""
        return getattr(config, cls.section)

    @abstractmethod
    def named(self) -> list[str]:
        """The experiments that its entry names."""

    def check(self) -> None:
        """Refuse what cannot be made.

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
        """Refuse experiments that would be one row or panel, as two of `rows` are equal; raises what `check` raises."""
        seen: dict[tuple, str] = {}
        for name, row in rows.items():
            first = seen.setdefault(row, name)
            if first != name:
                raise UserError(f"{self.key}: {first} and {name} would have one name there; leave one out")

    def points(self) -> dict[str, Point]:
        """The experiments that it needs besides those of config.yaml, by name."""
        return {}

    def experiments(self) -> list[str]:
        """The experiments that it needs."""
        return self.named()

    def files(self) -> list[str]:
        """What users want of it."""
        return [self.run.files.figure(self.name, ending) for ending in self.endings]

    @abstractmethod
    def inputs(self) -> dict[str, list[str]]:
        """The files that its command reads, by the names that its rule gives them."""

    def options(self) -> str:
        """Options of its command that are neither inputs nor outputs."""
        return ""

    def measurements(self) -> str | None:
        """The CSV with which it enters the comparison with the paper, if it does."""
        return self.run.files.figure(self.name, "csv")
