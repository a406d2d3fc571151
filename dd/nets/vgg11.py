"""VGG-11 for images of 32 pixels, on which the field tests distilled sets of other networks (Zhao et al. 2021)."""

from torch import Tensor, nn

from dd.nets.small_images import check_size, instance_norm

BLOCKS = ((64,), (128,), (256, 256), (512, 512), (512, 512))
"""Channels of the convolutions of each block; maxima of 2x2 pixels are taken after it."""


class VGG11(nn.Module):
    """Eight 3x3 convolutions with instance normalisation and ReLU, five maxima; 9.23 million weights for CIFAR-10.

    Images of 28 pixels are padded to 32.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10) -> None:
        super().__init__()
        check_size("VGG11", size)
        layers: list[nn.Module] = []
        inside, padding = channels, 1 + (32 - size) // 2
        for block in BLOCKS:
            for width in block:
                layers += [nn.Conv2d(inside, width, 3, padding=padding), instance_norm(width), nn.ReLU()]
                inside, padding = width, 1
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(inside, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.classifier(self.features(x).flatten(1))
