"""ConvNet-3, on which the field compares distilled sets (Gidaris & Komodakis 2018; Zhao et al. 2021)."""

from typing import ClassVar

from torch import Tensor, nn


class ConvNet3(nn.Module):
    """Three blocks of 3x3 convolution, instance normalisation, ReLU and 2x2 average pooling, then the classes.

    320,010 weights for three channels, 32 pixels and ten classes. Any image size from 8; 28 pixels are padded to 32.
    A subclass with another `width` is the same network, narrower or wider.
    """

    width: ClassVar[int] = 128
    """Channels of every block."""

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10) -> None:
        super().__init__()
        if size < 8:
            raise ValueError(f"{type(self).__name__} takes images of at least 8 pixels, not {size}")
        padding = 3 if size == 28 else 1
        blocks = []
        for block in range(3):
            blocks += [
                nn.Conv2d(self.width if block else channels, self.width, 3, padding=1 if block else padding),
                nn.GroupNorm(self.width, self.width),  # one group a channel: instance norm with learned scale, shift
                nn.ReLU(),
                nn.AvgPool2d(2),
            ]
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Linear(self.width * ((size + 2 * padding - 2) // 8) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.classifier(self.features(x).flatten(1))


class ConvNet3Narrow(ConvNet3):
    """ConvNet3 with 32 channels in every block, for CPUs."""

    width = 32
