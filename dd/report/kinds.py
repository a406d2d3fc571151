"""All kinds of figures and tables that config.yaml tells of, and for which the workflow has a rule each."""

from dd.report.artefact import Artefact
from dd.report.figures import FIGURES
from dd.report.tables import TABLE_KINDS

KINDS: tuple[type[Artefact], ...] = (
    *(kind.artefact for kind in FIGURES.values() if kind.artefact),
    *(kind.artefact for kind in TABLE_KINDS.values()),
)
"""Figures come before tables."""
