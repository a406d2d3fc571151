"""Real images: where they come from, how they are kept, and how they reach training."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
