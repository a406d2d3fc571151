"""The paper's tables: experiments, and what they are compared with there."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from dd.report.artefact import Artefact
from dd.distill.settings import PAPERS
from dd.report.tables import TABLES
from dd.runtime.settings import Names, made_settings

_TABLES = {
    name: (Names | None, Field(default=None, description=table.title.partition(": ")[2]))
    for name, table in TABLES.items()
}


class TablesSection(made_settings("Tables", _TABLES)):  # type: ignore[misc]  # a key for each table of the paper
    """Experiments whose results they hold; the baselines of that table are measured too."""


class Table(Artefact[list[str]]):
    """A table of the section `tables`, whose entry is a list of experiments."""

    section = "tables"
    endings = ("csv", "md", "tex", "html")

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, list[str]]:
        """See `Artefact`."""
        return config.tables.model_dump(exclude_none=True)

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments(self.key)
        rows = {}
        for name in self.entry:
            settings = self.run.experiments[name]
            rows[name] = (self._task(name), *(getattr(settings, key) for key in ("init", *PAPERS)))
        self.check_rows(rows)

    def _task(self, experiment: str) -> str:
        """What the table calls the task of an experiment: its dataset, or in Table 2 the source and the target."""
        dataset = self.run.experiments[experiment].dataset
        if not TABLES[self.name].by_direction:
            return dataset
        source = self.run.source(experiment)
        return f"{self.run.original(source) if source else ''} → {self.run.original(dataset)}"

    def files(self) -> list[str]:
        """See `Artefact`."""
        return [self.run.files.table(self.name, ending) for ending in self.endings]

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        files, given, table = self.run.files, self.run.experiments, TABLES[self.name]
        compared = [name for name in self.entry if given[name].init == table.rivals_init]
        measured = [files.evaluated(name) for name in self.entry]
        measured += [files.baseline(name, baseline) for name in compared for baseline in table.baselines]
        measured += [files.adapted(name, method) for name in compared for method in table.adaptations]
        sources = {self.run.source(name) for name in self.entry}
        datasets = sorted({given[name].dataset for name in self.entry} | set(filter(None, sources)))
        return {"measured": measured, "metadata": [files.dataset(dataset, "json") for dataset in datasets]}

    def measurements(self) -> str:
        """See `Artefact`."""
        return self.run.files.table(self.name, "csv")
