"""ConvNet-3, on which the field compares distilled sets (Gidaris & Komodakis 2018; Zhao et al. 2021)."""

from torch import Tensor, nn

BLOCK_CHANNELS = 128
"""Channels of every block."""


class ConvNet3(nn.Module):
    """Three blocks of 3x3 convolution, instance normalisation, ReLU and 2x2 average pooling, then the classes.

    320,010 weights for three channels, 32 pixels and ten classes. Any image size from 8; 28 pixels are padded to 32.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10) -> None:
        super().__init__()
        if size < 8:
            raise ValueError(f"ConvNet3 takes images of at least 8 pixels, not {size}")
        padding = 3 if size == 28 else 1
        blocks = []
        for block in range(3):
            blocks += [
                nn.Conv2d(BLOCK_CHANNELS if block else channels, BLOCK_CHANNELS, 3, padding=1 if block else padding),
                # one group a channel: instance normalisation with learned scale, shift
                nn.GroupNorm(BLOCK_CHANNELS, BLOCK_CHANNELS),
                nn.ReLU(),
                nn.AvgPool2d(2),
            ]
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Linear(BLOCK_CHANNELS * ((size + 2 * padding - 2) // 8) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.classifier(self.features(x).flatten(1))
