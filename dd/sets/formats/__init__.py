"""The formats of other programs. Each file here declares one as `FORMAT`; to add a format, add a file.

The help of commands imports these files, so they import torch and numpy only inside their functions.
"""

from dd.runtime.discovery import declared
from dd.runtime.lazy import import_when_used
from dd.sets.set_format import SetFormat

import_when_used(__name__)

FORMATS: dict[str, SetFormat] = declared(__name__, SetFormat, "FORMAT")
"""Every format by name, in the order of the help."""
