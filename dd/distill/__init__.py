"""Distillation itself: the distilled set, gradient descent on it, the adjoint, and Algorithm 1."""

from dd.nets import module_of
from dd.runtime.lazy import import_when_used

import_when_used(__name__)


def modules(net: str) -> tuple[str, ...]:
    """The modules whose code decides the result of a distillation for the network `net`."""
    return "dd.distill.experiment", "dd.distill.run", module_of(net)
