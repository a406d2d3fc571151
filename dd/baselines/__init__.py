"""What distilled images are compared with: real images in their place, and nearest neighbours (Section 4, S-1)."""

from dd.baselines.baseline import Baseline
from dd.runtime.discovery import declared
from dd.runtime.lazy import import_when_used

import_when_used(__name__)

BASELINES = declared(__name__, Baseline, "BASELINE")
"""Every baseline by name, in the order of the help and the tables."""
