"""Pictures of distilled images, as in the paper's Figures 2 and 3."""

from dd.report.artefact import Artefact
from dd.runtime.errors import UserError
from dd.runtime.settings import Counts, Settings


class PictureSection(Settings):
    """A picture."""

    experiment: str
    """whose images"""
    steps: Counts
    """GD steps that are shown, counted from 1"""


class Picture(Artefact[PictureSection]):
    """A figure of the section `figures`."""

    section = "figures"

    def named(self) -> list[str]:
        """See `Artefact`."""
        return [self.entry.experiment]

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments(f"{self.key}.experiment")
        steps = self.run.experiments[self.entry.experiment].steps
        if max(self.entry.steps) > steps:
            raise UserError(
                f"{self.key}.steps: {max(self.entry.steps)} is more than the {steps} steps of {self.entry.experiment}"
            )

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        files, experiment = self.run.files, self.entry.experiment
        return {"set": [files.distilled(experiment)], "metrics": [files.evaluated(experiment)]}

    def options(self) -> str:
        """See `Artefact`."""
        return f"--steps {','.join(map(str, self.entry.steps))}"

    def measurements(self) -> str:
        """See `Artefact`."""
        return self.run.files.evaluated(self.entry.experiment)
