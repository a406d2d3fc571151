"""Many networks trained side by side on real images, to start from (Section 3.5)."""

from dd.nets import module_of
from dd.runtime.lazy import import_when_used

import_when_used(__name__)


def modules(net: str) -> tuple[str, ...]:
    """The modules whose code decides the weights in a pool of networks `net`."""
    return "dd.pools.train", "dd.runtime.loop", module_of(net)
