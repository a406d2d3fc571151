"""Sets on networks they were not made for, and by the field's training."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from dd.report.artefact import Artefact
from dd.distill.settings import NetworkName
from dd.evaluation.protocols import PROTOCOLS
from dd.runtime.settings import UNIQUE, Count, Names, OneOf, Settings, all_different

ProtocolName = Annotated[str, OneOf(tuple(PROTOCOLS))]


class TransferSection(Settings):
    """Sets on other networks and by the field's training: `snakemake transfer`, or `transfer` in `all`."""

    experiments: Names
    """whose sets"""
    nets: Annotated[list[NetworkName], AfterValidator(all_different), UNIQUE]
    """the networks"""
    protocols: Annotated[list[ProtocolName], AfterValidator(all_different), UNIQUE]
    """how they are trained on a set"""
    held_out: Count = 5
    """networks of each kind, newly initialised; of the set's own, those it is made for"""


class Transfer(Artefact[TransferSection]):
    """The table of the section `transfer`."""

    section = "transfer"
    endings = ("csv", "md", "html")

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, TransferSection]:
        """See `Artefact`."""
        return {"transfer": config.transfer}

    def named(self) -> list[str]:
        """See `Artefact`."""
        return self.entry.experiments

    def check(self) -> None:
        """See `Artefact`."""
        self.check_experiments("transfer.experiments")

    def files(self) -> list[str]:
        """See `Artefact`."""
        return [self.run.files.table(self.name, ending) for ending in self.endings]

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": [self.run.files.transferred(name) for name in self.entry.experiments]}

    def measurements(self) -> None:
        """See `Artefact`: the paper has no such numbers."""
        return
