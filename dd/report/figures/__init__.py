"""The kinds of figures, one file for each."""

from dd.report.figures.kind import FigureKind
from dd.runtime.discovery import declared

FIGURES = declared(__name__, FigureKind, "FIGURE")
"""Every kind by name."""
