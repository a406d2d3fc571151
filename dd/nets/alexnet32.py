"""AlexNet for images of 32 pixels, on which the field tests distilled sets of other networks (Zhao et al. 2021)."""

from torch import Tensor, nn

from dd.nets.small_images import check_size

LAYERS = ((128, 5, True), (192, 5, True), (256, 3, False), (192, 3, False), (192, 3, True))
"""Channels of each convolution, pixels a side of its kernel, and whether maxima of 2x2 pixels are taken after it."""


class AlexNet32(nn.Module):
    """Five convolutions with ReLU and three maxima, then the classes; 1.87 million weights for CIFAR-10.

    Images of 28 pixels are padded to 32.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10) -> None:
        super().__init__()
        check_size("AlexNet32", size)
        layers: list[nn.Module] = []
        inside, margin = channels, (32 - size) // 2
        for width, kernel, pools in LAYERS:
            layers += [nn.Conv2d(inside, width, kernel, padding=kernel // 2 + margin), nn.ReLU()]
            layers += [nn.MaxPool2d(2)] if pools else []
            inside, margin = width, 0
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(inside * 4 * 4, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.classifier(self.features(x).flatten(1))
