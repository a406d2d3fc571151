"""All kinds of figures and tables that can stand in config.yaml. The workflow has one rule for each kind."""

from dd.report.artefact import Artefact
from dd.report.figures import FIGURES
from dd.report.tables import TABLE_KINDS

KINDS: tuple[type[Artefact], ...] = (
    *(kind.artefact for kind in FIGURES.values() if kind.artefact),
    *(kind.artefact for kind in TABLE_KINDS.values()),
)
"""Figures come before tables."""
