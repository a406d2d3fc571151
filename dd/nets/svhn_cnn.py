"""The network of the package ccexam for SVHN, whose weights pip can install."""

from torch import Tensor, nn


class SvhnCNN(nn.Module):
    """Three blocks of two 3x3 convolutions with batch normalisation, 32, 64 and 128 channels wide, and a layer of 256.

    Its parameters have the names in the package's file. Dropout is left out. In evaluation mode, batch normalisation
    uses stored statistics. They are not weights, so GD steps do not change them.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(_block(channels, 32), _block(32, 64), _block(64, 128))
        # the places of the package's dropout have no parameters
        self.classifier = nn.Sequential(
            nn.Identity(), nn.Linear(128 * (size // 8) ** 2, 256), nn.ReLU(), nn.Identity(), nn.Linear(256, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`x [n, channels, H, W]`, normalised; returns logits `[n, classes]`."""
        return self.classifier(self.features(x).flatten(1))


def _block(inside: int, width: int) -> nn.Sequential:
    """Two convolutions `inside` -> `width` -> `width` channels, then half as many pixels a side."""
    return nn.Sequential(
        nn.Conv2d(inside, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
