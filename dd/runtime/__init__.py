"""What every stage needs besides its method: files, checkpoints, devices, seeds, progress."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
