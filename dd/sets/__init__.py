"""Distilled sets in the formats of other programs."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
