"""What config.yaml and the command line may say."""

from dd.runtime.lazy import import_when_used

import_when_used(__name__)
