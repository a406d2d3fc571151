"""The kinds of figures, one file for each."""

from dd.report.figures.kind import FigureKind
from dd.runtime.discovery import declared
from dd.runtime.lazy import import_when_used

import_when_used(__name__)

FIGURES = declared(__name__, FigureKind, "FIGURE")
"""Every kind by name."""
