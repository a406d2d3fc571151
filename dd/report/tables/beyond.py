"""Sets that go beyond the paper, beside what others report for as many images of the same dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from pydantic import Field

from dd.report.artefact import Section, options
from dd.report.formatting import INTERVAL_NOTE, MISSING, accuracy_text, mean_std, with_interval
from dd.report.html_page import listed, page, wide
from dd.report.measurements import EVALUATION_COLUMNS, HISTORY_COLUMNS, read_table, with_kind
from dd.report.tables.kind import TableArtefact, TableKind, Texts
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT
from dd.runtime.result_files import set_name
from dd.runtime.settings_model import Names, OrEmpty, Settings

if TYPE_CHECKING:
    import pandas as pd

BEYOND_TITLE = "Beyond the paper"
BEYOND_NOTES = [
    "Ours: mean ± standard deviation over held-out nets, on the test images, which chose nothing; the final state.",
    "Minutes: of distillation, on the processors that the run had.",
    INTERVAL_NOTE,
]
FIELD_NOTE = (
    "Others, as they report it: nets are trained for hundreds of epochs in minibatches. Their networks and protocols "
    "differ from ours, so the numbers tell where the field is, not who is better."
)


class FieldNumber(NamedTuple):
    """An accuracy in percent that others report for so many distilled images."""

    dataset: str
    images: int
    method: str
    net: str
    accuracy: float
    std: float
    source: str


FIELD = (
    FieldNumber("mnist", 10, "DC", "ConvNet3", 91.7, 0.5, "Zhao et al. 2021"),
    FieldNumber("mnist", 100, "DC", "ConvNet3", 97.4, 0.2, "Zhao et al. 2021"),
    FieldNumber("mnist", 100, "DSA", "ConvNet3", 97.8, 0.1, "Zhao and Bilen 2021"),
    FieldNumber("mnist", 500, "DC", "ConvNet3", 98.8, 0.2, "Zhao et al. 2021"),
    FieldNumber("mnist", 500, "DSA", "ConvNet3", 99.2, 0.1, "Zhao and Bilen 2021"),
    FieldNumber("fashion_mnist", 100, "DC", "ConvNet3", 82.3, 0.4, "Zhao et al. 2021"),
    FieldNumber("fashion_mnist", 100, "DSA", "ConvNet3", 84.6, 0.3, "Zhao and Bilen 2021"),
    FieldNumber("cifar10", 100, "DC", "ConvNet3", 44.9, 0.5, "Zhao et al. 2021"),
    FieldNumber("cifar10", 100, "DSA", "ConvNet3", 52.1, 0.5, "Zhao and Bilen 2021"),
    FieldNumber("cifar10", 100, "RaT-BPTT", "ConvNet3", 69.4, 0.4, "Feng et al. 2023"),
)


class BeyondSection(Settings):
    """Sets beyond the paper beside the field's: `snakemake beyond`, or `beyond` in `all`."""

    experiments: OrEmpty[Names] = None
    """whose sets"""


class Beyond(TableArtefact[BeyondSection]):
    """The table of the section `beyond`."""

    rule = "write_beyond"
    command = "beyond"
    section = Section("beyond", BeyondSection, Field(default_factory=BeyondSection))
    outputs = dict.fromkeys(("csv", "md", "html"), "--out")

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, BeyondSection | None]:
        """See `Artefact`."""
        return {"beyond": config.beyond if config.beyond.experiments else None}

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry.experiments or []

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments("beyond.experiments")

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        histories = [self.run.files.history(name) for name in self.experiments()]
        return {"metrics": self.evaluated(), "histories": histories}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        read = self.inputs()
        return options("--metrics", read["metrics"]) + options("--history", read["histories"])

    def caption(self) -> str:
        """See `Artefact`."""
        return f"Sets beyond the paper at scale ``{self.run.files.scale}``. {FIELD_NOTE}"


def beyond_table(metrics: Sequence[Path], histories: Sequence[Path]) -> pd.DataFrame:
    """One row for each set: what it is, accuracy in percent with std and least over nets, minutes of distillation.

    Raises:
        UserError: a file that `dd evaluate` or `dd distill` has not written, or not one history for each evaluation.
    """
    import pandas as pd

    if len(metrics) != len(histories):
        raise UserError(
            f"--history: {len(histories)}, but {len(metrics)} of --metrics; give one for each, in one order"
        )
    rows = []
    for path, history in zip(metrics, histories, strict=True):
        after = read_table(path, EVALUATION_COLUMNS, "evaluate", kind="evaluation").query("stage == 'after'")
        last = read_table(history, HISTORY_COLUMNS | {"seconds"}, "distill", kind="history").iloc[-1]
        first, accuracy = after.iloc[0], after["accuracy"]
        told = {key: first[key] for key in ("dataset", "net", "init", "distilled_images", "epochs")}
        told |= {"set": set_name(path), "beyond": first["beyond"] if pd.notna(first["beyond"]) else ""}
        measured = {"accuracy": accuracy.mean(), "std": accuracy.std(), "least": accuracy.min(), "nets": len(after)}
        minutes = {"minutes": last["seconds"] / 60, "test_images": first["test_images"]}
        rows.append(told | measured | minutes)
    return with_kind("beyond", pd.DataFrame(rows))


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """Our sets."""
    cells = list(map(accuracy_text, table["accuracy"], table["std"], table["test_images"]))
    columns = {"set": "set", "dataset": "dataset", "net": "network", "init": "init", "distilled_images": "images"}
    columns |= {"epochs": "epochs", "beyond": "settings beyond the paper", "cell": "accuracy, %", "least": "least"}
    columns |= {"nets": "nets", "minutes": "minutes"}
    rounded = table.assign(cell=cells, least=table["least"].round(1), minutes=table["minutes"].round().astype(int))
    return rounded[list(columns)].rename(columns=columns)


def _field(table: pd.DataFrame) -> pd.DataFrame:
    """The field's numbers for the datasets and numbers of images that our sets have."""
    import pandas as pd

    ours = set(zip(table["dataset"], table["distilled_images"], strict=True))
    rows = [
        {
            "dataset": number.dataset,
            "images": number.images,
            "method": number.method,
            "network": number.net,
            "accuracy, %": mean_std(number.accuracy, number.std),
            "from": number.source,
        }
        for number in FIELD
        if (number.dataset, number.images) in ours
    ]
    return pd.DataFrame(rows).fillna(MISSING)


def _csv(table: pd.DataFrame) -> str:
    return with_interval(table.round(4)).to_csv(index=False)


def _markdown(table: pd.DataFrame) -> str:
    listing = "".join(f"- {line}\n" for line in BEYOND_NOTES)
    ours, field = (part.to_markdown(index=False) for part in (_shown(table), _field(table)))
    return f"{ours}\n\n{listing}\n{field}\n\n{FIELD_NOTE}\n"


def _html(table: pd.DataFrame) -> str:
    ours, field = (wide(part.to_html(index=False, border=0)) for part in (_shown(table), _field(table)))
    return page(BEYOND_TITLE, ours + listed(BEYOND_NOTES) + field + listed([FIELD_NOTE]))


BEYOND_WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {".csv": _csv, ".md": _markdown, ".html": _html}
"""The text of the table by the ending of its file."""


def texts(*, metrics: Sequence[Path], histories: Sequence[Path]) -> Texts:
    """The table of CSVs of `dd evaluate` and `dd distill`; raises what `beyond_table` raises."""
    table = beyond_table(metrics, histories)
    return {ending: partial(text, table) for ending, text in BEYOND_WRITERS.items()}


KIND = TableKind(
    name="beyond",
    order=3,
    artefact=Beyond,
    help="""Write how accurate sets beyond the paper are, beside the field's numbers for as many images.

    \b
    Example:
      python -m dd beyond --metrics accuracy.csv --history history.csv --out beyond.md --out beyond.html
    """,
    options=(
        click.Option(
            ["--metrics"], type=INPUT, required=True, multiple=True, help="CSV of `dd evaluate`; may be repeated."
        ),
        click.Option(
            ["--history", "histories"],
            type=INPUT,
            required=True,
            multiple=True,
            help="CSV of `dd distill` of the same set; one for each --metrics.",
        ),
    ),
    texts=texts,
)
