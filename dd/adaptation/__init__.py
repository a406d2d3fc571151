"""Other ways than distilled images to adapt pre-trained networks to new data (Tables 2 and 3)."""

from dd.adaptation.adaptation import Adaptation
from dd.runtime.discovery import declared

ADAPTATIONS: dict[str, Adaptation] = declared(__name__, Adaptation, "ADAPTATION")
"""Every way of adapting by name, in the order of the help and the tables."""
