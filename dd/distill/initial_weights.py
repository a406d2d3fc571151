"""The distributions p(theta_0) of initial weights, behind one interface (Section 3.5)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from dd.distill.init_kinds import Init
from dd.nets.init_schemes import flat_weights, initialise
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator

Draw = Callable[[str, Iterable[int]], Tensor]
"""Takes a stream and indices within it, as `Initial` does, and returns weights `[nets, P]` on the CPU."""


class Initial(Protocol):
    """Initial weights by stream and index.

    A stream says what the nets are for: `"train"` for distillation, `"validation"` to watch its progress, `"choice"`
    and `"optimized"` to choose among baselines, `"held-out"` to judge the result. Indices count within a stream. So a
    held-out net is never seen before, and every process can draw its own share.
    """

    def __call__(self, stream: str, indices: Iterable[int], /) -> Tensor:
        """Weights `[nets, P]` on the CPU."""

    def nets(self, stream: str, wanted: int, /) -> int:
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
    info: dict
    """What its nets were trained on, and how."""
    sizes: dict[str, int]
    """The number of nets to distil for (`"train"`) and to judge by (`"held-out"`)."""
    digest: str
    """Digest of the weights of all nets to distil for."""

    def rows(self, part: str, indices: Iterable[int]) -> Tensor:
        """Weights `[nets, P]` of the nets `indices` of a part."""

    def check(self, net: str, image_shape: tuple[int, ...], classes: int, weights: int) -> None:
        """Refuse a pool whose nets are not of the network `net` for these images, with these counts."""


class PoolInitial:
    """Random pre-trained weights: nets of a pool.

    Distillation draws from the training nets except the last `reserved`, which are the validation stream. To choose
    among baselines, which train no images, all training nets are used. Only the held-out stream has the held-out nets.

    Raises:
        UserError: the pool has no training net that is not reserved.
    """

    def __init__(self, pool: Pool, *, reserved: int, seed: int) -> None:
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


@dataclass(frozen=True, kw_only=True)
class WeightSources:
    """What initial weights can be made from. The `Init` decides which of these fields are needed."""

    make: Callable[..., nn.Module]
    """`make(seed=...)` builds the network."""
    scheme: str
    """The initialisation scheme of weights that are not pre-trained."""
    seed: int
    weights: Tensor | None = None
    """The weights `[P]` of one net if they are known: from a file, or saved with a distilled set."""
    pool: Pool | None = None
    pool_net: int = 0
    """The number of the pool's training net that `fixed_pretrained` uses."""
    reserved: int = 0
    """Training nets of the pool that are kept for validation."""

    def needed_pool(self, init: Init) -> Pool:
        """The pool, which `init` needs.

        Raises:
            UserError: there is no pool.
        """
        if self.pool is None:
            or_file = " or of a file (--pretrained)" if "file" in init.sources else ""
            raise UserError(f"init: {init.name} needs the nets of a pool (--pool){or_file}")
        return self.pool


def initial_distribution(init: Init, sources: WeightSources) -> Initial:
    """The distribution of initial weights that `init` means.

    Raises:
        UserError: `init` needs a pool and there is none, or the pool has too few nets.
    """
    if init.one_net:
        return FixedInitial(_one_net(init, sources) if sources.weights is None else sources.weights)
    if init.pretrained:
        return PoolInitial(sources.needed_pool(init), reserved=sources.reserved, seed=sources.seed)
    return RandomInitial(sources.make, sources.scheme, sources.seed)


def _one_net(init: Init, sources: WeightSources) -> Tensor:
    if init.pretrained:
        return sources.needed_pool(init).rows("train", [sources.pool_net])[0]
    return RandomInitial(sources.make, sources.scheme, sources.seed)("fixed", [0])[0]
