"""The multi-layer perceptron on which the field tests distilled sets of other networks."""

from torch import Tensor, nn

HIDDEN_UNITS = 128
"""Units of both hidden layers."""


class MLP(nn.Module):
    """Three linear layers with ReLU between them; 118,282 weights for gray images of 28 pixels and ten classes."""

    def __init__(self, channels: int = 1, size: int = 28, classes: int = 10) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * size**2, HIDDEN_UNITS),
            nn.ReLU(),
            nn.Linear(HIDDEN_UNITS, HIDDEN_UNITS),
            nn.ReLU(),
            nn.Linear(HIDDEN_UNITS, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.layers(x)
