"""What distilled images are compared with: real images in their place, and nearest neighbours (Section 4, S-1)."""

from dd.baselines.baseline import Baseline
from dd.runtime.discovery import declared

BASELINES = declared(__name__, Baseline, "BASELINE")
"""Every baseline by name, in the order of the help and the tables."""
