"""ResNet-18 for images of 32 pixels, on which the field tests distilled sets of other networks (Zhao et al. 2021)."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from dd.nets.small_images import check_size, instance_norm

WIDTHS = (64, 128, 256, 512)
"""Channels of each pair of blocks; all pairs but the first halve the sides."""
Norm = Callable[[int], nn.Module]
"""Makes the layer that normalises so many channels."""


class ResNet18(nn.Module):
    """Eight blocks of two 3x3 convolutions with instance normalisation; 11.2 million weights for CIFAR-10.

    Images of 28 and of 32 pixels.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10, norm: Norm = instance_norm) -> None:
        super().__init__()
        check_size(type(self).__name__, size)
        blocks = []
        inside = WIDTHS[0]
        for width in WIDTHS:
            blocks += [Block(inside, width, 1 if width == inside else 2, norm), Block(width, width, 1, norm)]
            inside = width
        first = nn.Conv2d(channels, WIDTHS[0], 3, padding=1, bias=False)
        self.features = nn.Sequential(first, norm(WIDTHS[0]), nn.ReLU(), *blocks, nn.AvgPool2d(4))
        self.classifier = nn.Linear(inside, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.classifier(self.features(x).flatten(1))


class ResNet18BN(ResNet18):
    """The same with batch normalisation.

    Only protocols with plain networks (`dd.evaluation.protocols`) normalise by the minibatch; elsewhere layers stay in
    evaluation mode.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10) -> None:
        super().__init__(channels, size, classes, norm=nn.BatchNorm2d)


class Block(nn.Module):
    """Two convolutions, `inside` -> `width` -> `width` channels, added to the input, or to a 1x1 convolution of it."""

    def __init__(self, inside: int, width: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(inside, width, 3, stride=stride, padding=1, bias=False),
            norm(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            norm(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inside != width:
            self.shortcut = nn.Sequential(nn.Conv2d(inside, width, 1, stride=stride, bias=False), norm(width))

    def forward(self, x: Tensor) -> Tensor:
        """`x [n, inside, H, W]`."""
        return F.relu(self.residual(x) + self.shortcut(x))
