"""The commands that the workflow runs. Each parses its options, calls one function and writes the results."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
