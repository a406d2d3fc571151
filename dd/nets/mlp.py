"""The multi-layer perceptron on which the field tests distilled sets of other networks."""

import math

from torch import Tensor, nn

HIDDEN_UNITS = 128
"""Units of both hidden layers."""


class MLP(nn.Module):
    """Three linear layers with ReLU between them; 118,282 weights for gray images of 28 pixels and ten classes."""

    def __init__(
        self, channels: int = 1, size: int = 28, classes: int = 10, shape: tuple[int, ...] | None = None
    ) -> None:
        """For images of `channels` and `size`, or for inputs of any `shape`."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(shape or (channels, size, size)), HIDDEN_UNITS),
            nn.ReLU(),
            nn.Linear(HIDDEN_UNITS, HIDDEN_UNITS),
            nn.ReLU(),
            nn.Linear(HIDDEN_UNITS, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of inputs `x [n, ...]`."""
        return self.layers(x)
