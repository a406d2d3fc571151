"""Section 3.3: distilled pairs for least squares."""

from collections.abc import Mapping
from typing import Any

from dd.report.artefact import Artefact


class LinearCase(Artefact[None]):
    """One figure, which has no settings."""

    section = "linear_case"

    @classmethod
    def entries(cls, config: Any) -> Mapping[str, None]:  # noqa: ARG003 (there is always one)
        """See `Artefact`."""
        return {"linear_case": None}

    def named(self) -> list[str]:
        """See `Artefact`."""
        return []

    def inputs(self) -> dict[str, list[str]]:
        """See `Artefact`."""
        return {"metrics": [self.run.files.linear_case()]}

    def measurements(self) -> str:
        """See `Artefact`."""
        return self.run.files.linear_case()
