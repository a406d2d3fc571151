"""Poisoning against its baselines, as in the paper's Figure 6."""

from dd.report.artefact import Artefact
from dd.report.figures import FIGURES
from dd.runtime.errors import UserError


class Bars(Artefact[list[str]]):
    """A figure of the section `bars`, whose entry is a list of experiments."""

    section = "bars"

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments(self.key)
        given = self.run.experiments
        for name in self.entry:
            if not given[name].attacks:
                raise UserError(f"{self.key}: {name} has no attack_class; give it one, or leave it out here")
        self.check_rows({name: (given[name].dataset,) for name in self.entry})  # each dataset has one panel

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        files = self.run.files
        measured = [files.evaluated(name) for name in self.entry]
        measured += [
            files.baseline(name, baseline) for name in self.entry for baseline in FIGURES["poisoning"].baselines
        ]
        return {"metrics": measured}
