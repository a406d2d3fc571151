"""Initial weights drawn from a seed: the distributions p(theta_0) of Section 3.5 for untrained networks.

The help and the config's check import this module for `INIT_SCHEMES`, so it imports torch only inside its functions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from dd.runtime.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class InitScheme:
    """A distribution of initial weights."""

    description: str
    """What it is, in one line of help."""
    draw: Callable[[nn.Module, torch.Generator], None]
    """Replaces the weights of a network, as its class has built them, by numbers from the generator."""


def xavier(module: nn.Module, generator: torch.Generator) -> None:
    """Draw weights that are normal with std sqrt(2 / (fan_in + fan_out)), gain 1, biases 0 (Glorot & Bengio 2010)."""
    from torch import nn

    _draw_layers(module, lambda weight: nn.init.xavier_normal_(weight, generator=generator))


def he(module: nn.Module, generator: torch.Generator) -> None:
    """Draw weights that are normal with std sqrt(2 / fan_in), biases 0 (He et al. 2015)."""
    from torch import nn

    _draw_layers(module, lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator))


def default(_module: nn.Module, _generator: torch.Generator) -> None:
    """Leave the weights as the network's class has built them."""


def _draw_layers(module: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    """Draw the weights of linear and convolutional layers, with biases 0; other layers stay as they were built."""
    from torch import nn

    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.modules.conv._ConvNd)):
            _draw_weight(layer, draw)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _draw_weight(layer: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    """Draw the weight of one layer; of a parametrised layer, the parameters that give this weight."""
    import torch
    from torch.nn.utils.parametrize import is_parametrized

    if "weight" not in layer._parameters and not is_parametrized(layer, "weight"):
        raise UserError(
            f"init_scheme: the weight of a {type(layer).__name__} is computed from others, so it cannot be drawn; use "
            "torch.nn.utils.parametrizations, or init_scheme default"
        )
    if not is_parametrized(layer, "weight"):
        draw(cast("Tensor", layer.weight))
        return
    drawn = draw(cast("Tensor", layer.weight).clone())
    with contextlib.suppress(RuntimeError, NotImplementedError, ValueError):  # what a parametrisation refuses by
        layer.weight = drawn
    if not torch.allclose(cast("Tensor", layer.weight), drawn, rtol=1e-4, atol=1e-6):
        raise UserError(
            f"init_scheme: a parametrised {type(layer).__name__} does not take the drawn weights as they are; use "
            "init_scheme default"
        )


INIT_SCHEMES: dict[str, InitScheme] = {
    "xavier": InitScheme(
        description="normal with std sqrt(2 / (fan_in + fan_out)), biases 0 (the paper's)", draw=xavier
    ),
    "he": InitScheme(description="normal with std sqrt(2 / fan_in), biases 0", draw=he),
    "default": InitScheme(description="as the network's class builds it", draw=default),
}
"""Every initialisation scheme, in the order of the help."""


def initialise(make: Callable[..., nn.Module], scheme: str, generator: torch.Generator) -> nn.Module:
    """A network from `make(seed=...)` with its weights drawn by one of `INIT_SCHEMES`, all from `generator`'s seed."""
    import torch

    from dd.runtime.seeds import derive

    # another seed than the scheme's, or the scheme would draw the same numbers as the class
    module = make(seed=derive(generator.initial_seed(), "class"))
    with torch.no_grad():
        INIT_SCHEMES[scheme].draw(module, generator)
    return module


def count(module: nn.Module) -> int:
    """The number of weights of a network: the P of `flat_weights`."""
    return sum(p.numel() for p in module.parameters())


def flat_weights(module: nn.Module) -> Tensor:
    """The weights of `module` as one row `[P]`, in the order of `StackedNet`."""
    import torch

    # weights may lie in memory in another order, such as channels last
    return torch.cat([weights.detach().reshape(-1) for weights in module.parameters()])
