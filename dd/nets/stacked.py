"""Many networks of one architecture as one matrix of weights."""

import contextlib
import copy
from collections.abc import Iterator
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from dd.runtime.memory import ran_out

SMALL_NETWORK = 100_000
"""Up to this many weights a network, a CPU is faster with several networks at once; one larger network fills it."""
NETS_AT_ONCE = 8
"""How many networks are computed at once. Only the trajectories of these are stored at one time."""
SMALL_BATCH = 32
"""Up to this many images, `vmap` is faster on a CPU than one network after the other. Its grouped convolutions are
slow."""


def net_batches(theta: Tensor) -> tuple[Tensor, ...]:
    """`theta [nets, P]`, split into batches of as many networks as the device computes fastest at once."""
    return theta.split(NETS_AT_ONCE if theta.is_cuda or theta.shape[1] <= SMALL_NETWORK else 1)


class Stacks(Protocol):
    """A network with a method that computes many networks of its architecture at once."""

    def stacked(self, named: dict[str, Tensor], x: Tensor) -> Tensor:
        """Logits `[nets, n, classes]` of images `x [n, C, H, W]` under weights by name, each `[nets, *shape]`."""


class StackedNet:
    """An architecture whose weights come from outside: `theta [nets, P]`, one network a row.

    A row holds the parameters in the order of `module.named_parameters()`, flattened. One flat matrix makes a
    GD step and its adjoint single tensor operations, whatever the architecture. The module stays in evaluation mode
    (the paper turns dropout off), but for `normalising_by_batch`; it is a copy, whose own weights are never used.

    If the module's class defines a method `stacked` (see `Stacks`) beside `forward`, that method computes all networks.
    It promises to run the same operations whatever the values.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        # an inherited method does not count: a derived class can have another forward
        self.stacks = callable(vars(type(module)).get("stacked"))
        named = dict(module.named_parameters())
        self.names = list(named)
        self.shapes = [p.shape for p in named.values()]
        self.sizes = [p.numel() for p in named.values()]
        self._vmaps: bool | None = None

    def to(self, device: torch.device | str) -> "StackedNet":
        """Move the module, and return this."""
        self.module.to(device)
        return self

    @property
    def batch_norms(self) -> list[nn.modules.batchnorm._BatchNorm]:
        """The layers that can normalise by the statistics of a batch."""
        return [layer for layer in self.module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]

    @contextlib.contextmanager
    def normalising_by_batch(self) -> Iterator[None]:
        """Within the block, `batch_norms` use the statistics of each batch, and keep running ones for after it.

        Only one network can be computed so: the running statistics are the module's.
        """
        for layer in self.batch_norms:
            layer.train()
        try:
            yield
        finally:
            self.module.eval()

    def take_statistics(self, theta: Tensor, x: Tensor) -> None:
        """Make the running statistics of `batch_norms` those of one batch `x`, of one network `theta [1, P]`."""
        momenta = [layer.momentum for layer in self.batch_norms]
        for layer in self.batch_norms:
            layer.momentum = 1.0
        try:
            with torch.no_grad(), self.normalising_by_batch():
                self.logits(theta, x)
        finally:
            for layer, momentum in zip(self.batch_norms, momenta, strict=True):
                layer.momentum = momentum

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Logits `[nets, n, classes]` of the same images `x [n, C, H, W]` under each row of `theta [nets, P]`."""
        named = self.named(theta)
        if self.stacks:
            return cast("Stacks", self.module).stacked(named, x)
        if len(theta) == 1 or (len(x) > SMALL_BATCH and not x.is_cuda) or not self._can_vmap(named, x):
            rows = (dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True))
            return torch.stack([functional_call(self.module, row, (x,)) for row in rows])
        return self._vmapped(named, x)

    def _vmapped(self, named: dict[str, Tensor], x: Tensor) -> Tensor:
        return vmap(lambda one: functional_call(self.module, one, (x,)))(named)

    def _can_vmap(self, named: dict[str, Tensor], x: Tensor) -> bool:
        """Whether `vmap` supports all operations of the network. Recurrent layers, for example, it does not support."""
        if self._vmaps is None:
            try:
                self._vmapped({name: weights[:2].detach() for name, weights in named.items()}, x[:1].detach())
                self._vmaps = True
            except Exception as error:  # a user's own forward can raise anything
                if ran_out(error):
                    raise
                self._vmaps = False
        return self._vmaps

    def named(self, theta: Tensor) -> dict[str, Tensor]:
        """The rows of `theta [nets, P]` as parameters by name, each `[nets, *shape]`, as views where possible."""
        parts = theta.split(self.sizes, dim=1)
        return {n: part.view(len(theta), *shape) for n, part, shape in zip(self.names, parts, self.shapes, strict=True)}
