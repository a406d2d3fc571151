"""The distributions p(theta_0) of initial weights behind one small interface (Section 3.5)."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from dd.nets.init_schemes import flat_weights, initialise
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


class Initial(Protocol):
    """Initial weights by stream and index.

    A stream is what the nets are for: `"train"` in distillation, `"validation"` to watch its progress, `"choice"` and
    `"optimized"` to choose among baselines, `"held-out"` to judge the result; indices count within it. So a held-out
    net is never seen before, and every process can draw its own share.
    """

    def __call__(self, stream: str, indices: Iterable[int]) -> Tensor:
        """Weights `[nets, P]` on the CPU."""

    def nets(self, stream: str, wanted: int) -> int:
        """How many different nets a stream has, at most `wanted`."""


class RandomInitial:
    """Random initialisation: a new draw by `scheme` of the network `make(seed=...)` for each stream and index."""

    def __init__(self, make: Callable[..., nn.Module], scheme: str, seed: int) -> None:
        self.make, self.scheme, self.seed = make, scheme, seed

    def __call__(self, stream: str, indices: Iterable[int]) -> Tensor:
        """See `Initial`."""
        draws = (generator(self.seed, "net", stream, i) for i in indices)
        return torch.stack([flat_weights(initialise(self.make, self.scheme, draw)) for draw in draws])

    def nets(self, _stream: str, wanted: int) -> int:
        """See `Initial`."""
        return wanted


class FixedInitial:
    """Fixed initialisation, pre-trained or not: the same row `weights [P]` whatever the stream and index."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def __call__(self, _stream: str, indices: Iterable[int]) -> Tensor:
        """See `Initial`."""
        return self.weights.expand(len(list(indices)), -1)

    def nets(self, _stream: str, _wanted: int) -> int:
        """See `Initial`."""
        return 1


class Pool(Protocol):
    """Trained networks; `dd.pools.store.PoolFolder` is one."""

    folder: Path
    """Where it lies."""
    info: dict
    """What its nets were trained on, and how."""
    sizes: dict[str, int]
    """Nets to train on (`"train"`) and to judge by (`"held-out"`)."""

    def rows(self, part: str, indices: Iterable[int]) -> Tensor:
        """Weights `[nets, P]` of nets of a part."""

    def check(self, net: str, image_shape: tuple[int, ...], classes: int, weights: int) -> None:
        """Refuse other nets than those of a network for such images, so many classes and so many weights."""


class PoolInitial:
    """Random pre-trained weights: nets of a pool.

    Distillation draws among its training nets but for the last `reserved`, which are the validation stream. Baselines,
    which train no images, are chosen among by all of them. Held-out nets are for the held-out stream alone.

    Raises:
        UserError: the pool has no training net that is not reserved.
    """

    def __init__(self, pool: Pool, reserved: int, seed: int) -> None:
        self.pool, self.reserved, self.seed = pool, reserved, seed
        self.drawn = pool.sizes["train"] - reserved
        if self.drawn < 1:
            raise UserError(
                f"validation_nets: {reserved} leaves none of the pool's {pool.sizes['train']} training nets; lower it"
            )

    def __call__(self, stream: str, indices: Iterable[int]) -> Tensor:
        """See `Initial`."""
        match stream:
            case "train" | "anew":
                draws = (generator(self.seed, "pool", stream, i) for i in indices)
                return self.pool.rows("train", [int(torch.randint(self.drawn, (), generator=g)) for g in draws])
            case "validation":
                return self.pool.rows("train", [self.drawn + i for i in indices])
            case "held-out":
                return self.pool.rows("held-out", indices)
            case _:
                return self.pool.rows("train", indices)

    def nets(self, stream: str, wanted: int) -> int:
        """See `Initial`."""
        sizes = self.pool.sizes | {"validation": self.reserved}
        return min(wanted, sizes.get(stream, sizes["train"]))
