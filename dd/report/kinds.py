"""All kinds of figures and tables that config.yaml tells of, and for which the workflow has a rule each."""

from dd.report.artefact import Artefact
from dd.report.figures import FIGURES
from dd.report.tables import TABLE_KINDS

KINDS: dict[str, type[Artefact]] = {
    **{name: kind.artefact for name, kind in FIGURES.items() if kind.artefact},
    **{name: kind.artefact for name, kind in TABLE_KINDS.items()},
}
"""By name."""
