"""Other ways than distilled images to adapt pre-trained networks to new data (Tables 2 and 3)."""

from dd.adaptation.adaptation import Adaptation
from dd.runtime.discovery import declared
from dd.runtime.lazy import import_when_used

import_when_used(__name__)

ADAPTATIONS: dict[str, Adaptation] = declared(__name__, Adaptation, "ADAPTATION")
"""Every way of adapting by name, in the order of the help and the tables."""
