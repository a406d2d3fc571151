"""Initial weights drawn from a seed: the distributions p(theta_0) of Section 3.5 for untrained nets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

InitScheme = Callable[["nn.Module", "torch.Generator"], None]


def _weights_by(draw: Callable) -> InitScheme:
    """Weights of linear and convolutional layers by `draw`, their biases 0; the rest stays as it was built."""

    def scheme(module: nn.Module, generator: torch.Generator) -> None:
        from torch import nn

        for layer in module.modules():
            if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
                draw(layer.weight, generator)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    return scheme


def _xavier(weight: Tensor, generator: torch.Generator) -> None:
    from torch import nn

    nn.init.xavier_normal_(weight, generator=generator)


def _he(weight: Tensor, generator: torch.Generator) -> None:
    from torch import nn

    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


INIT_SCHEMES: dict[str, InitScheme] = {
    "xavier": _weights_by(_xavier),
    "he": _weights_by(_he),
    "default": lambda _module, _generator: None,
}


def initialise(make: Callable[..., nn.Module], scheme: str, generator: torch.Generator) -> nn.Module:
    """A network from `make(seed=...)` with its weights drawn by one of `INIT_SCHEMES`, all from `generator`'s seed.

    `xavier`: normal with std sqrt(2 / (fan_in + fan_out)), gain 1, biases 0 (Glorot & Bengio 2010; the paper's).
    `he`: normal with std sqrt(2 / fan_in), biases 0 (He et al. 2015). `default`: as the network's class builds it.
    """
    import torch

    from dd.runtime.seeds import derive

    module = make(seed=derive(generator.initial_seed(), "class"))  # or the scheme would draw the same numbers again
    with torch.no_grad():
        INIT_SCHEMES[scheme](module, generator)
    return module


def count(module: nn.Module) -> int:
    """How many weights a network has: the P of `flat_weights`."""
    return sum(p.numel() for p in module.parameters())


def flat_weights(module: nn.Module) -> Tensor:
    """The weights of `module` as one row `[P]`, in the order of `StackedNet`."""
    from torch import nn

    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()
