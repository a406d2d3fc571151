"""How accurate networks become on distilled sets that were made for other networks, by several protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
from pydantic import AfterValidator, Field

from dd.distill.settings import NetworkName
from dd.evaluation.protocols import PROTOCOLS
from dd.old_settings import OLD_PROTOCOLS
from dd.report.artefact import Section, options
from dd.report.formatting import INTERVAL_NOTE, MISSING, accuracy_text, with_interval
from dd.report.html_page import listed, page, wide
from dd.report.measurements import EVALUATION_COLUMNS, read_table, with_kind
from dd.report.provenance import with_provenance
from dd.report.tables.kind import TableArtefact, TableKind, Texts
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT
from dd.runtime.settings_model import UNIQUE, Count, Names, OneOf, OrEmpty, Settings, all_different

if TYPE_CHECKING:
    import pandas as pd

TRANSFER_TITLE = "Distilled sets on other networks"
TRANSFER_NOTE = (
    "Accuracy on test images, mean ± standard deviation over held-out nets. By the native protocol, nets of the kind "
    "that a set is made for start from the initial weights that it is made for; all others, from new random weights."
)

ProtocolName = Annotated[str, OneOf.of(PROTOCOLS, old_names=OLD_PROTOCOLS)]


class TransferSection(Settings):
    """Sets on other networks and by other protocols: `snakemake transfer`, or `transfer` in `all`."""

    experiments: OrEmpty[Names]
    """whose sets"""
    nets: Annotated[list[NetworkName], AfterValidator(all_different), UNIQUE]
    """the networks"""
    protocols: Annotated[list[ProtocolName], AfterValidator(all_different), UNIQUE]
    """how they are trained on a set"""
    held_out: Count = 5
    """networks of each kind, with new random weights; by the native protocol, those of the kind that a set is made for
    have the weights it is made for"""


class Transfer(TableArtefact[TransferSection]):
    """The table of the section `transfer`."""

    rule = "write_transfer"
    command = "transfer"
    section = Section("transfer", TransferSection, Field())
    outputs = dict.fromkeys(("csv", "md", "html"), "--out")

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, TransferSection | None]:
        """See `Artefact`."""
        return {"transfer": config.transfer if config.transfer.experiments else None}

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry.experiments or []

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments("transfer.experiments")

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": [self.run.files.transferred(name) for name in self.experiments()]}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        return options("--metrics", self.inputs()["metrics"])

    def caption(self) -> str:
        """See `Artefact`."""
        told = " ".join(protocol_notes(self.entry.protocols))
        return f"Distilled sets on networks they were not made for, at scale ``{self.run.files.scale}``. {told}"


def protocol_notes(names: Iterable[str]) -> list[str]:
    """A sentence on each of these protocols: how it trains nets on a set. The names of others tell enough."""
    return [f"{name}: {PROTOCOLS[name].description}." for name in names if name in PROTOCOLS]


def transfer_table(paths: Sequence[Path]) -> pd.DataFrame:
    """Accuracy in percent after training, with std and nets: one row for each set, network and protocol.

    The column `beyond` says how a set departs from the paper's method.

    Raises:
        UserError: a file that `dd evaluate --protocol` has not written, two sets and files with the same name, or a set
            that two files measure in the same way.
    """
    after = with_provenance(_named_sets(paths)).query("stage == 'after'")
    twice = after[after.duplicated(["set", "beyond", "net", "protocol", "held_out_net"])]
    if len(twice):
        which = twice.iloc[0]
        raise UserError(
            f"{which['file']}: has set {which['set']} with {which['net']} by {which['protocol']}, which is there "
            "already; leave one of them out"
        )
    rows = after.groupby(["set", "beyond", "net", "protocol", "test_images"], sort=False)["accuracy"]
    summary = rows.agg(accuracy="mean", std="std", nets="size")
    return with_kind("transfer", summary.reset_index())


def _named_sets(paths: Sequence[Path]) -> pd.DataFrame:
    """The rows of all files, with the name of their set in `set` and their own path in `file`.

    Where several sets have one name, that of their file is added. Files of older versions do not name their set, so it
    has theirs.
    """
    import pandas as pd

    tables = []
    for path in paths:
        table = read_table(path, EVALUATION_COLUMNS | {"protocol"}, "evaluate --protocol", kind="evaluation")
        defaults = {"set": path.stem, "set_digest": str(path)}
        told = {column: table[column].fillna(value) if column in table else value for column, value in defaults.items()}
        tables.append(table.assign(**told, file=str(path), stem=path.stem))
    rows = pd.concat(tables)
    ambiguous = rows.groupby("set")["set_digest"].transform("nunique") > 1
    rows["set"] = rows["set"].where(~ambiguous, rows["set"] + " of " + rows["stem"])
    sets = rows.groupby("set")["set_digest"].nunique()
    if (sets > 1).any():
        name = rows.loc[rows["set"] == sets.idxmax(), "stem"].iloc[0]
        raise UserError(
            f"--metrics: two files are named {name}, and of two sets that the table could not tell apart; rename one"
        )
    return rows


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each set and network, one column for each protocol."""
    departures = table["beyond"].map(lambda text: f" ({text})" if text else "")
    cells = list(map(accuracy_text, table["accuracy"], table["std"], table["test_images"]))
    table = table.assign(cell=cells, set=table["set"] + departures)
    shown = table.pivot(index=["set", "net"], columns="protocol", values="cell")
    order = table[["set", "net"]].drop_duplicates().apply(tuple, axis=1)
    shown = shown.loc[order, table["protocol"].unique()].fillna(MISSING).add_suffix(", %")
    return shown.rename_axis(columns=None).reset_index()


def _notes(table: pd.DataFrame) -> list[str]:
    """What stands below the table. Protocols that this version does not know, as in files of another, are left out."""
    known = (name for name in table["protocol"].unique() if name in PROTOCOLS)
    return [TRANSFER_NOTE, INTERVAL_NOTE, *protocol_notes(known)]


def _csv(table: pd.DataFrame) -> str:
    return with_interval(table.round(4)).to_csv(index=False)


def _markdown(table: pd.DataFrame) -> str:
    listing = "".join(f"- {line}\n" for line in _notes(table))
    return f"{_shown(table).to_markdown(index=False)}\n\n{listing}"


def _html(table: pd.DataFrame) -> str:
    return page(TRANSFER_TITLE, wide(_shown(table).to_html(index=False, border=0)) + listed(_notes(table)))


TRANSFER_WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {".csv": _csv, ".md": _markdown, ".html": _html}
"""The text of the table by the ending of its file."""


def texts(*, metrics: Sequence[Path]) -> Texts:
    """The table of CSVs of `dd evaluate --protocol`; raises what `transfer_table` raises."""
    table = transfer_table(metrics)
    return {ending: partial(text, table) for ending, text in TRANSFER_WRITERS.items()}


KIND = TableKind(
    name="transfer",
    order=1,
    artefact=Transfer,
    help="""Write how accurate networks of other kinds, or trained by other protocols, become on distilled sets.

    The table has one row for each set and network, and one column for each protocol.

    \b
    Example:
      python -m dd transfer --metrics carried.csv --out transfer.md --out transfer.html
    """,
    options=(
        click.Option(
            ["--metrics"],
            type=INPUT,
            required=True,
            multiple=True,
            help="CSV of `dd evaluate --protocol`; may be repeated.",
        ),
    ),
    texts=texts,
)
