"""What the rule of `judge.smk` needs."""

import shlex

from dd.config.checks import check_artefact
from dd.config.model import Config
from dd.nets import module_of
from dd.plan.resources import memory
from dd.report.tables.judged import Judged
from dd.runtime.errors import UserError


class JudgePlan:
    """The judgement of the section `judge`."""

    def __init__(self, config: Config) -> None:
        self.config, self.files, self.section = config, config.files, config.judge

    def inputs(self) -> dict[str, str | list[str]]:
        """The prepared dataset, our sets and those of others.

        Raises:
            UserError: there are none of ours, or they do not go together.
        """
        if not self.section.experiments:
            raise UserError("judge.experiments: is empty; name those whose sets are to be judged")
        artefact = Judged("judge", self.section, self.config)
        check_artefact(artefact, self.config)
        ours = [self.files.distilled(name) for name in artefact.experiments()]
        dataset = self.config.experiments[self.section.experiments[0]].dataset
        return {**self.files.prepared(dataset), "sets": [*ours, *self.section.sets]}

    def options(self) -> str:
        """Options of `dd judge`."""
        words = [word for name in self.section.nets for word in ("--net", name)]
        words += [word for name in self.section.protocols for word in ("--protocol", name)]
        words += [word for epochs in self.section.epochs for word in ("--epochs", str(epochs))]
        words += ["--rank"] if self.section.rank else []
        words += ["--whole", str(self.section.whole)] if self.section.whole else []
        return shlex.join([*words, "--nets", str(self.section.held_out)])

    def memory(self, threads: int, attempt: int) -> int:
        """MiB of the job: as its largest network needs."""
        return max(memory(net, threads, attempt) for net in self.section.nets)

    def modules(self) -> tuple[str, ...]:
        """The modules that make the judgement run again when they change."""
        return "dd.evaluation.judge", *map(module_of, self.section.nets)
