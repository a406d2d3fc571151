"""What `import dd` offers in Python: the distilled set with all one does with it, and `dd.distill`."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
