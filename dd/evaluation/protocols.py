"""How a set trains the held-out networks that judge it, by name."""

from typing import NamedTuple


class EvaluationProtocol(NamedTuple):
    """A way of training on a set."""

    name: str
    description: str


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol("native", "the set's order and rates"),
        EvaluationProtocol("dc-bench", "300 epochs of SGD in random minibatches"),
    )
}
"""Protocols by name."""
