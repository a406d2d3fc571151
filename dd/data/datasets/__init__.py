"""The datasets that are known by name: one file each, which declares it as `DATASET`. A new file here is enough.

Planning imports these files, so their functions import numpy, Pillow and the like themselves.
"""

from dd.data.named_dataset import NamedDataset
from dd.runtime.discovery import declared

DATASETS: dict[str, NamedDataset] = declared(__name__, NamedDataset, "DATASET")
"""Every dataset known by name, in the order of the help."""
