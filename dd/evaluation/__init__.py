"""Distilled sets judged on held-out networks."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
