"""What a run makes and needs: targets, inputs, options, resources. It imports neither Snakemake nor torch."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
