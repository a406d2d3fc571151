"""Our sets beside those of other programs, all judged alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
from pydantic import AfterValidator, Field

from dd.distill.init_kinds import INITS
from dd.distill.settings import NetworkName
from dd.evaluation.protocols import LENGTH, NATIVE
from dd.report.artefact import Section, options
from dd.report.html_page import listed, page, svg_of, wide
from dd.report.measurements import read_table
from dd.report.tables.kind import TableArtefact, TableKind, Texts
from dd.report.tables.transfer import ProtocolName, protocol_notes
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT
from dd.runtime.settings_model import UNIQUE, Count, Index, Names, OrEmpty, Settings, Text, all_different

if TYPE_CHECKING:
    import pandas as pd

JUDGED_TITLE = "Distilled sets, judged alike"
JUDGED_NOTE = (
    "Accuracy on test images after the last epoch, mean ± standard deviation over nets: new ones, or by native those "
    "that the set is made for. Random: the same nets on as many random real images; above random: the mean difference, "
    "net by net."
)
OVERFLOWED_NOTE = (
    "Overflowed: nets, on random images too, whose weights were too large for numbers in the end. They count with the "
    "accuracy that they have, mostly by taking all images for the first class."
)


class JudgeSection(Settings):
    """Sets beside those of other programs, all judged alike: `snakemake judge`, or `judge` in `all`."""

    experiments: OrEmpty[Names] = None
    """whose sets; all of one dataset, which is that of the judgement"""
    sets: Annotated[list[Text], AfterValidator(all_different)] = Field(default_factory=list)
    """files of other sets for these images, as `python -m dd import` writes them"""
    nets: Annotated[list[NetworkName], AfterValidator(all_different), UNIQUE] = Field(
        default_factory=lambda: ["ConvNet3"]
    )
    """the networks"""
    protocols: Annotated[list[ProtocolName], AfterValidator(all_different), UNIQUE] = Field(
        default_factory=lambda: ["dc"]
    )
    """how they are trained on a set"""
    held_out: Count = 5
    """networks of each kind"""
    epochs: Annotated[list[Count], AfterValidator(all_different), Field(json_schema_extra={"uniqueItems": True})] = (
        Field(default_factory=list)
    )
    """numbers of epochs to train natively for, each a row; then the chart is of accuracy against steps; by default each
    set's own"""
    rank: bool = True
    """train the networks also on as many random real images"""
    whole: Index = 0
    """epochs for which they are trained on all training images too; 0 leaves it out"""


class Judged(TableArtefact[JudgeSection]):
    """The table of the section `judge`."""

    rule = "write_judged"
    command = "judged"
    section = Section("judge", JudgeSection, Field(default_factory=JudgeSection))
    outputs = dict.fromkeys(("csv", "md", "svg", "html"), "--out")

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, JudgeSection | None]:
        """See `Artefact`."""
        return {"judge": config.judge if config.judge.experiments else None}

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry.experiments or []

    def check(self) -> None:
        """See `Artefact`."""
        key = "judge.experiments"
        self.check_experiments(key)
        datasets = {name: self.run.experiments[name].dataset for name in self.named()}
        if self.entry.epochs and NATIVE not in self.entry.protocols:
            raise UserError(f"judge.epochs: is for the protocol {NATIVE}; add that to judge.protocols")
        first = self.named()[0]
        for name, dataset in datasets.items():
            if dataset != datasets[first]:
                raise UserError(
                    f"{key}: {name} is of {dataset}, {first} of {datasets[first]}; name those of one dataset"
                )
            if INITS[self.run.experiments[name].init].pretrained:
                raise UserError(f"{key}: {name} is for pre-trained networks, and these have new weights; leave it out")

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": [self.run.files.judged()]}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        return options("--metrics", self.inputs()["metrics"])

    def caption(self) -> str:
        """See `Artefact`."""
        told = " ".join(protocol_notes(self.entry.protocols))
        return f"Distilled sets judged alike, at scale ``{self.run.files.scale}``. {told}"


def judged_table(paths: Sequence[Path]) -> pd.DataFrame:
    """The rows of all CSVs of `dd judge`, one for each set, network, protocol and number of epochs.

    Raises:
        UserError: a file that `dd judge` has not written, or files for different datasets.
    """
    import pandas as pd

    needed = {"set", "images", "dataset", "net", "protocol", "nets", "seconds", "test_images"}
    needed |= {"accuracy", "accuracy_std"}
    tables = [read_table(path, needed, "judge", kind="judgement") for path in paths]
    table = pd.concat(tables, ignore_index=True)
    if table["dataset"].nunique() > 1:
        raise UserError(
            f"--metrics: files for {' and '.join(sorted(set(table['dataset'])))}; name those of one dataset"
        )
    keys = ["net", "protocol", "best"]
    if "gd_steps" in table:
        keys.append("gd_steps")
        table = table.astype(dict.fromkeys(LENGTH, "Int64"))
    best = table.groupby(["net", "protocol", "set"])["accuracy"].transform("max")
    ascending = [key != "best" for key in keys]
    return table.assign(best=best).sort_values(keys, ascending=ascending, ignore_index=True).drop(columns="best")


def _notes(table: pd.DataFrame) -> list[str]:
    from dd.report.judged import overflowed

    dataset = table[["dataset", "fidelity"]].iloc[0]
    general = [JUDGED_NOTE, *([OVERFLOWED_NOTE] if overflowed(table) else [])]
    return [*general, *protocol_notes(table["protocol"].unique()), f"{dataset['dataset']}: {dataset['fidelity']}."]


def _csv(table: pd.DataFrame) -> str:
    return table.round(4).to_csv(index=False)


def _markdown(table: pd.DataFrame) -> str:
    from dd.report.judged import shown

    return f"{shown(table)}\n\n" + "".join(f"- {line}\n" for line in _notes(table))


def _picture(table: pd.DataFrame) -> str:
    from dd.report.judged import chart_of

    return svg_of(chart_of(table), name=JUDGED_TITLE)


def _html(table: pd.DataFrame) -> str:
    from dd.report.judged import columns_of

    picture = _picture(table)
    body = wide(columns_of(table).to_html(index=False, border=0)) + listed(_notes(table))
    return page(JUDGED_TITLE, body + wide(picture[picture.index("<svg") :]))


JUDGED_WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".svg": _picture,
    ".html": _html,
}
"""The text of the table by the ending of its file."""


def texts(*, metrics: Sequence[Path]) -> Texts:
    """The table of CSVs of `dd judge`; raises what `judged_table` raises."""
    table = judged_table(metrics)
    return {ending: partial(text, table) for ending, text in JUDGED_WRITERS.items()}


KIND = TableKind(
    name="judged",
    order=2,
    artefact=Judged,
    help="""Write what `dd judge` measured as a table and a chart, the best set of each network first.

    \b
    Example:
      python -m dd judged --metrics judged.csv --out judged.md --out judged.html
    """,
    options=(
        click.Option(
            ["--metrics"], type=INPUT, required=True, multiple=True, help="CSV of `dd judge`; may be repeated."
        ),
    ),
    texts=texts,
)
"""Sets judged alike."""
