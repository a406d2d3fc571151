"""Accuracy against a setting, as in the paper's Figures 4 and 5."""

import shlex
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dd.report.artefact import Artefact, Point
from dd.distill.settings import DistillConfig
from dd.runtime.errors import UserError
from dd.runtime.settings import Count, Settings, Text, all_different


class LineSection(Settings):
    """A line."""

    panel: Text
    """the panel it is drawn in"""
    label: Text
    """its own name in the panel"""
    experiment: str
    """whose settings the points start from"""
    x: Literal["steps", "epochs", "distilled_images"]
    """what accuracy is drawn against"""
    vary: Literal["steps", "epochs", "images_per_class"]
    """the setting that tells the points apart"""
    values: Annotated[
        list[Count], AfterValidator(all_different), Field(min_length=2, json_schema_extra={"uniqueItems": True})
    ]
    """its values, a point each"""
    set: DistillConfig = DistillConfig()
    """settings that all points have"""


Lines = Annotated[list[LineSection], Field(min_length=1, description="the lines")]


class Curves(Artefact[list[LineSection]]):
    """A figure of the section `curves`."""

    section = "curves"

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

    def points(self) -> dict[str, Point]:
        """The points of all lines."""
        return {name: point for line in self.entry for name, point in self.points_of(line).items()}

    def points_of(self, line: LineSection) -> dict[str, Point]:
        """The points of one line by name: that of its experiment and the settings that differ from it."""
        base, found = self.run.experiments[line.experiment], {}
        for value in line.values:
            wanted = line.set.model_dump(exclude_unset=True) | {line.vary: value}
            changed = {key: wanted[key] for key in sorted(wanted) if getattr(base, key) != wanted[key]}
            name = line.experiment + "".join(f"_{key}{value}" for key, value in changed.items())
            found[name] = Point(line.experiment, changed)
        return found

    def experiments(self) -> list[str]:
        """See `Artefact`."""
        return sorted(self.points())

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": [self.run.files.evaluated(point) for point in self.experiments()]}

    def options(self) -> str:
        """See `Artefact`."""
        words = []
        for line in self.entry:
            measured = ",".join(self.run.files.evaluated(point) for point in self.points_of(line))
            words += ["--line", line.panel, line.label, line.x, measured]
        return shlex.join(words)
