"""The datasets known by name. Each file here declares one as `DATASET`; to add a dataset, add a file.

Planning imports these files, so they import numpy, Pillow and the like only inside their functions.
"""

from dd.data.named_dataset import NamedDataset
from dd.runtime.discovery import declared
from dd.runtime.lazy import import_when_used

import_when_used(__name__)

DATASETS: dict[str, NamedDataset] = declared(__name__, NamedDataset, "DATASET")
"""Every dataset known by name, in the order of the help."""
