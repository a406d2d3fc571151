"""A study of one's own: an experiment with every combination of some settings, in one table and one picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
from pydantic import AfterValidator, Field

from dd.report.artefact import Derived, Section
from dd.report.formatting import mean_std
from dd.report.html_page import listed, page, svg_of, wide
from dd.report.measurements import EVALUATION_COLUMNS, read_table, with_kind
from dd.report.tables.kind import TableArtefact, TableKind, Texts
from dd.runtime.errors import UserError
from dd.runtime.settings_model import UNIQUE, Name, OrEmpty, Settings, all_different

if TYPE_CHECKING:
    import pandas as pd

GRID_NOTE = (
    "Accuracy on test images: the mean over all seeds and nets, the standard deviation over the nets of one set (the "
    "mean of the sets'), and that of the sets' means over seeds."
)
SEED = "seed"
Values = Annotated[list[bool | int | float | str], AfterValidator(all_different), UNIQUE]


class GridSection(Settings):
    """An experiment and what is varied of it."""

    experiment: Name
    """the experiment whose settings all start from"""
    vary: Annotated[dict[Name, Annotated[Values, Field(description="its values")]], Field(min_length=1)]
    """settings, each with its values; every combination is distilled"""


class Grid(TableArtefact[GridSection]):
    """A table of the section `grids`."""

    rule = "write_grid"
    command = "grid"
    section = Section(
        "grids",
        dict[Name, OrEmpty[GridSection]],
        Field(
            default_factory=dict,
            description="Studies, by name: an experiment with every combination of some settings. Each combination is "
            "an experiment, `<experiment>_<setting><value>...`.",
        ),
    )
    outputs = dict.fromkeys(("csv", "md", "svg", "html"), "--out")

    def named(self) -> list[str]:
        """See `Artefact`."""
        return [self.entry.experiment]

    def points(self) -> dict[str, Derived]:
        """Every combination, by the name of the experiment followed by the settings that differ from it."""
        return {name: Derived(self.entry.experiment, values) for name, values in self._combinations().items()}

    def _combinations(self) -> dict[str, dict[str, Any]]:
        keys, found = list(self.entry.vary), {}
        for values in itertools.product(*self.entry.vary.values()):
            named = [f"{key}{_in_a_name(value)}" for key, value in zip(keys, values, strict=True)]
            found["_".join([self.entry.experiment, *named])] = dict(zip(keys, values, strict=True))
        return found

    def experiments(self) -> list[str]:
        """See `Artefact`."""
        return list(self.points())

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": self.evaluated()}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        words = []
        for name, values in self._combinations().items():
            told = ",".join(f"{key}={value}" for key, value in values.items())
            words += ["--point", told, self.run.files.evaluated(name)]
        return words

    def caption(self) -> str:
        """See `Artefact`."""
        varied = ", ".join(f"``{key}``" for key in self.entry.vary)
        return f"``{self.entry.experiment}`` with {varied} varied, at scale ``{self.run.files.scale}``. {GRID_NOTE}"


def _in_a_name(value: object) -> str:
    """A value as a part of the name of an experiment, which holds letters, digits and `_` only."""
    return "".join(letter if letter.isalnum() else "_" for letter in str(value))


def grid_table(points: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """One row for each held-out net: the varied settings, held_out_net, test_images, and its accuracy in percent.

    Args:
        points: for each combination its settings, `key=value,key=value`, and its CSV of `dd evaluate`.

    Raises:
        UserError: settings that are not written so or differ in their keys, or a file of another kind.
    """
    import pandas as pd

    tables: list[pd.DataFrame] = []
    for told, path in points:
        values = dict(pair.partition("=")[::2] for pair in told.split(","))
        if "" in values.values() or (tables and set(values) != set(tables[0].attrs["keys"])):
            raise UserError(f"--point: {told!r} is not key=value,key=value with the keys of the other points")
        after = read_table(Path(path), EVALUATION_COLUMNS, "evaluate", kind="evaluation").query("stage == 'after'")
        measured = after[["held_out_net", "test_images", "accuracy"]]
        table = pd.concat([pd.DataFrame([values] * len(measured), index=measured.index), measured], axis=1)
        table.attrs["keys"] = list(values)
        tables.append(table)
    whole = pd.concat(tables, ignore_index=True)
    whole.attrs["keys"] = tables[0].attrs["keys"]
    return whole


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each combination of all settings but the seed: mean, both standard deviations, seeds and nets."""
    keys = [key for key in table.attrs["keys"] if key != SEED]
    table = table.assign(**{SEED: table.get(SEED, "0")})
    groups = keys or [lambda _row: 0]
    sets = table.groupby([*keys, SEED], sort=False)["accuracy"].agg(["mean", "std", "size"]).reset_index()
    found = sets.groupby(groups, sort=False).agg(
        accuracy=("mean", "mean"), over_nets=("std", "mean"), over_seeds=("mean", "std"), seeds=("mean", "size"),
        nets=("size", "sum"),
    )  # fmt: skip
    return found.reset_index(drop=not keys)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    names = {"accuracy": "accuracy, %", "over_nets": "± over nets", "over_seeds": "± over seeds"}
    rows = summary(table)
    return rows.assign(**{name: rows[name].map(mean_std) for name in names}).rename(columns=names)


def _picture(table: pd.DataFrame) -> str:
    """The summary as a drawing in SVG: a mark for each combination, with its deviation over seeds or, of one, nets."""
    from matplotlib.figure import Figure

    rows = summary(table).iloc[::-1]
    keys = [key for key in table.attrs["keys"] if key != SEED]
    labels = [", ".join(f"{key} {row[key]}" for key in keys) for _, row in rows.iterrows()]
    spread = rows["over_seeds"].fillna(rows["over_nets"]).fillna(0)
    figure = Figure(figsize=(7, 0.8 + 0.28 * len(rows)), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(rows["accuracy"], range(len(rows)), xerr=spread, fmt="o", capsize=3, color="#1f6fb4")
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.set_xlabel("accuracy on test images, %", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", linewidth=0.4, color="0.85")
    return svg_of(figure, name="Study")


def _csv(table: pd.DataFrame) -> str:
    return with_kind("grid", table).to_csv(index=False)


def _markdown(table: pd.DataFrame) -> str:
    return f"{_shown(table).to_markdown(index=False, disable_numparse=True)}\n\n{GRID_NOTE}\n"


def _html(table: pd.DataFrame) -> str:
    picture = _picture(table)
    body = wide(_shown(table).to_html(index=False, border=0)) + listed([GRID_NOTE])
    return page("Study", body + wide(picture[picture.index("<svg") :]))


GRID_WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {
    ".csv": _csv,
    ".md": _markdown,
    ".svg": _picture,
    ".html": _html,
}
"""The text of the table by the ending of its file."""


def texts(*, points: Sequence[tuple[str, str]]) -> Texts:
    """The table of CSVs of `dd evaluate`; raises what `grid_table` raises."""
    table = grid_table(points)
    return {ending: partial(text, table) for ending, text in GRID_WRITERS.items()}


KIND = TableKind(
    name="grid",
    order=4,
    artefact=Grid,
    help="""Write how accurate an experiment is with each combination of some settings: a table and a picture.

    \b
    Example:
      python -m dd grid --point net=MLP,seed=0 a.csv --point net=LeNet,seed=0 b.csv --out study.html
    """,
    options=(
        click.Option(
            ["--point", "points"],
            nargs=2,
            multiple=True,
            required=True,
            metavar="SETTINGS CSV",
            help="The settings, as key=value,key=value, and the CSV of `dd evaluate`; may be repeated.",
        ),
    ),
    texts=texts,
)
