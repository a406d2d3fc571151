"""The paper's tables as a kind: their section of config.yaml and their command. Each table has a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from pydantic import Field

from dd.adaptation import ADAPTATIONS
from dd.distill.settings import PAPERS
from dd.report.artefact import Section, options
from dd.report.tables import TABLES
from dd.report.tables.kind import TableArtefact, TableKind, Texts
from dd.runtime.paths import INPUT
from dd.runtime.settings_model import Names, OrEmpty, made_settings

Experiments = OrEmpty[Names]
_TABLES = {
    name: (Experiments, Field(default=None, description=table.title.partition(": ")[2]))
    for name, table in TABLES.items()
}


class TablesSection(made_settings("Tables", _TABLES)):  # type: ignore[misc]  # a key for each table of the paper
    """For each table, the experiments whose results it holds. The baselines of the table are measured too."""


class PaperTable(TableArtefact[list[str]]):
    """A table of the section `tables`, whose entry is a list of experiments."""

    rule = "write_table"
    command = "table"
    section = Section("tables", TablesSection, Field())

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, list[str] | None]:
        """See `Artefact`."""
        return config.tables.model_dump(exclude_unset=True)

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
        """The task of an experiment in the table: its dataset or, in Table 2, the source and the target."""
        dataset = self.run.experiments[experiment].dataset
        if not TABLES[self.name].by_direction:
            return dataset
        return f"{self.run.original(self.run.trained_on(experiment))} → {self.run.original(dataset)}"

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        files, given, table = self.run.files, self.run.experiments, TABLES[self.name]
        compared = [name for name in self.entry if given[name].init == table.rivals_init or given[name].pretrained]
        sources = {name: self.run.source(name) for name in self.entry}
        measured = self.evaluated()
        measured += [files.on_other_inits(name) for name in self.entry if given[name].init in table.on_other_inits]
        measured += [files.baseline(name, baseline) for name in compared for baseline in table.baselines]
        for name in compared:
            able = [way for way in table.adaptations if sources[name] or not ADAPTATIONS[way].needs_source]
            measured += [files.adapted(name, way) for way in able]
        datasets = sorted({given[name].dataset for name in self.entry} | set(filter(None, sources.values())))
        return {"measured": measured, "metadata": [files.dataset(dataset, "json") for dataset in datasets]}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        read = self.inputs()
        metrics, metadata = options("--metrics", read["measured"]), options("--data", read["metadata"])
        return [self.name, *metrics, *metadata, "--scale", self.run.files.scale]

    def modules(self) -> tuple[str, ...]:
        """See `Artefact`."""
        return (*super().modules(), TABLES[self.name].module)

    def measurements(self) -> list[str]:
        """See `Artefact`."""
        return [self.path("csv")]

    def caption(self) -> str:
        """See `Artefact`."""
        return (
            f"The paper's numbers ({self.name}) beside those measured here at scale ``{self.run.files.scale}``. Below "
            "the table: on how many test images, how the best combination of each baseline was chosen, and what is "
            "known of the data."
        )


def texts(*, name: str, metrics: Sequence[Path], metadata: Sequence[Path], scale: str) -> Texts:
    """A table of the paper by its name, of CSVs of `dd evaluate`, `dd baseline` and `dd adapt`.

    Raises:
        UserError: a CSV that is none of these, what `merged_seeds` raises, or a prepared dataset whose metadata cannot
            be read.
    """
    from dd.report.measurements import read_dataset_info, read_measured
    from dd.report.seeds import merged_seeds
    from dd.report.tables.table_rows import paper_table
    from dd.report.tables.writing import TABLE_WRITERS

    table = TABLES[name]
    datasets = [read_dataset_info(path) for path in metadata]
    measured = merged_seeds(metrics, [read_measured(path, other_inits=True) for path in metrics])
    rows = paper_table(table, measured, scale, datasets)
    return {ending: partial(text, table, rows) for ending, text in TABLE_WRITERS.items()}


KIND = TableKind(
    name="paper",
    order=2,
    artefact=PaperTable,
    help="""Write one of the paper's tables: what was measured here beside the paper's numbers.

    \b
    Example:
      python -m dd table table1 --metrics accuracy.csv --metrics k_means.csv --data mnist.npz --scale mine --out t.md
    """,
    options=(
        click.Argument(["name"], type=click.Choice(list(TABLES))),
        click.Option(
            ["--metrics"],
            type=INPUT,
            required=True,
            multiple=True,
            help="CSV of `dd evaluate`, `baseline` or `adapt`; several seeds of one method make one row.",
        ),
        click.Option(
            ["--data", "metadata"],
            type=INPUT,
            multiple=True,
            help="Prepared dataset, for its fidelity; may be repeated, and so may --metrics.",
        ),
        click.Option(["--scale"], required=True, help="Name of the scale, for the table."),
    ),
    texts=texts,
)
