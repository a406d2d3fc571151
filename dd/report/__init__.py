"""Figures and tables from saved results."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
