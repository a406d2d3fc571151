"""Accuracy against a setting, as in Figures 4 and 5. Every point of a curve is a distillation of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import click
from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, PrivateAttr, model_validator

from dd.distill.settings import DistillSettings
from dd.report.artefact import Derived, Section
from dd.report.figures.curves_claims import AGAINST, COMPARISON
from dd.report.figures.kind import PICTURES_AND_NUMBERS, Drawing, FigureArtefact, FigureKind
from dd.report.measurements import read_evaluation
from dd.report.provenance import data_lines
from dd.runtime.errors import UserError
from dd.runtime.paths import OUTPUT
from dd.runtime.settings_model import Count, Name, OrEmpty, Settings, Text, all_different


class LineSection(Settings):
    """A curve of the figure."""

    panel: Text
    """the panel it is drawn in"""
    label: Text
    """its name in the legend of the panel"""
    experiment: str
    """the experiment whose settings the points start from"""
    x: Literal["steps", "epochs", "distilled_images"]
    """what accuracy is drawn against"""
    vary: Literal["steps", "epochs", "images_per_class"]
    """the setting that differs from point to point"""
    values: Annotated[
        list[Count], AfterValidator(all_different), Field(min_length=2, json_schema_extra={"uniqueItems": True})
    ]
    """the values of that setting, one for each point"""
    set: DistillSettings = DistillSettings()
    """other settings that all points have, each of which has one seed"""
    _written: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _keeps_what_is_written(cls, values: Any, checked: ModelWrapValidatorHandler[Self]) -> Self:
        """Keep `set` as it is written: in the model, 1 has become 1.0."""
        line = checked(values)
        if isinstance(values, Mapping):
            line._written = dict(values.get("set", {}))
        return line

    def settings_of(self, value: int) -> dict[str, Any]:
        """The settings of the point of a value, with whole numbers as they are written: they name the point."""
        settings = self.set.model_dump(exclude_unset=True)
        whole = {key: number for key, number in self._written.items() if type(number) is int}
        return settings | whole | {self.vary: value}


Lines = OrEmpty[Annotated[list[LineSection], Field(min_length=1, description="the lines")]]


class Curves(FigureArtefact[list[LineSection]]):
    """A figure of the section `curves`."""

    rule = "draw_curves"
    command = "curves"
    section = Section(
        "curves",
        dict[Name, Lines],
        Field(
            description="Figures of accuracy against a setting, by name. A point is an experiment, "
            "`<experiment>_<setting><value>`, of one seed."
        ),
    )
    outputs = PICTURES_AND_NUMBERS

    def named(self) -> list[str]:
        """See `Artefact`."""
        return [line.experiment for line in self.entry]

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments(self.key)
        for line in self.entry:
            panel, x, vary = line.panel, line.x, line.vary
            if x not in (vary, "distilled_images") or (x, vary) == ("distilled_images", "epochs"):
                raise UserError(f"{self.key}: x: {x} is not what {vary} changes")
            if any(other.panel == panel and other.x != x for other in self.entry):
                raise UserError(f"{self.key}: the lines of panel {panel!r} have several x; give each a panel")
            if sum((other.panel, other.label) == (panel, line.label) for other in self.entry) > 1:
                raise UserError(f"{self.key}: panel {panel!r} has two lines {line.label!r}; rename one")

    def points(self) -> dict[str, Derived]:
        """The points of all lines."""
        return {name: point for line in self.entry for name, point in self.points_of(line).items()}

    def points_of(self, line: LineSection) -> dict[str, Derived]:
        """The points of one line, by the name of its experiment followed by the settings that differ from it."""
        base, found = self.run.experiments[line.experiment], {}
        for value in line.values:
            wanted = line.settings_of(value)
            changed = {key: wanted[key] for key in sorted(wanted) if getattr(base, key) != wanted[key]}
            name = line.experiment + "".join(f"_{key}{value}" for key, value in changed.items())
            found[name] = Derived(line.experiment, changed)
        return found

    def experiments(self) -> list[str]:
        """See `Artefact`."""
        return sorted(self.points())

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": self.evaluated()}

    def arguments(self) -> list[str]:
        """See `Artefact`."""
        words = []
        for line in self.entry:
            measured = ",".join(self.run.files.evaluated(point) for point in self.points_of(line))
            words += ["--line", line.panel, line.label, line.x, measured]
        return [*words, "--note", f"scale {self.run.files.scale}, final state, test images"]

    def measurements(self) -> list[str]:
        """See `Artefact`."""
        return [self.path("csv")]

    def caption(self) -> str:
        """See `Artefact`."""
        return (
            f"Accuracy of held-out networks on test images, scale ``{self.run.files.scale}``: mean and, as a band, one "
            "standard deviation. Every point is a distillation of its own. Below each panel: what the paper says of "
            "such curves, and whether these agree."
        )


def draw(*, lines: Sequence[tuple[str, str, str, str]], note: str) -> Drawing:
    """Draw curves, each of which is `(panel, label, what it is drawn against, CSVs of dd evaluate joined by commas)`.

    Raises:
        UserError: a curve is drawn against something that is not in `AGAINST`, or a CSV is not of `dd evaluate`.
    """
    from dd.report.figures.curves_claims import judge_lines
    from dd.report.figures.curves_drawing import curves_picture, make_line, to_table

    drawn, measured = [], []
    for panel, label, against, paths in lines:
        if against not in AGAINST:
            raise UserError(f"--line: {against!r} is not one of {', '.join(AGAINST)}")
        tables = [read_evaluation(Path(path), "after") for path in paths.split(",")]
        drawn.append(make_line(panel, label, against, tables))
        measured += tables
    sentences = [f"{one.panel}: {verdict}" for one in judge_lines(drawn) for verdict in one.verdicts]
    return Drawing(curves_picture(drawn, [note, *data_lines(*measured)]), to_table(drawn), sentences)


FIGURE = FigureKind(
    name="curves",
    order=2,
    module=__name__,
    artefact=Curves,
    command=Curves.command,
    help="""Draw accuracy against steps, epochs or images, as in the paper's Figures 4 and 5, and check the paper's
    claims.

    \b
    Example:
      python -m dd curves --line MNIST "2 epochs" steps one.csv,five.csv,ten.csv --out fig4.png
    """,
    options=(
        click.Option(
            ["--line", "lines"],
            nargs=4,
            multiple=True,
            required=True,
            metavar="PANEL LABEL X CSV,...",
            help="A curve: its panel and label, what it is drawn against (steps, epochs or distilled_images), and the "
            "CSV of `dd evaluate` of each point. May be repeated.",
        ),
        click.Option(["--note"], default="", help="Small print below."),
    ),
    table_option=click.Option(["--table", "table_path"], type=OUTPUT, help="CSV of the points, to write."),
    draw=draw,
    comparison=COMPARISON,
)
