"""The distributions p(theta_0) of initial weights behind one call (Section 3.5)."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from dd.nets.init import flat_weights, initialise
from dd.runtime.seeds import generator

Initial = Callable[[str, Iterable[int]], Tensor]
"""(stream, indices) -> weights [nets, P] on the CPU.

`stream` separates the nets trained on (`"train"`) from those that progress is watched on (`"validation"`) and those the
result is judged on (`"held-out"`); `indices` count within it. So a held-out net is never seen before, and every process
can draw its own share.
"""


def random_initial(make: Callable[..., nn.Module], law: str, seed: int) -> Initial:
    """Random initialisation: a new draw by `law` of the network `make(seed=...)` for each stream and index."""

    def draw(stream: str, indices: Iterable[int]) -> Tensor:
        return torch.stack([flat_weights(initialise(make, law, generator(seed, "net", stream, i))) for i in indices])

    return draw


def fixed_initial(weights: Tensor) -> Initial:
    """Fixed initialisation: the same row `weights [P]` whatever the stream and index."""
    return lambda _stream, indices: weights.expand(len(list(indices)), -1)
