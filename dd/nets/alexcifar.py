"""The paper's CIFAR-10 network (Krizhevsky 2012, as in its Section 4), about 80 % when fully trained."""

from torch import Tensor, nn


class AlexCifarNet(nn.Module):
    """Two 5x5 convolutions of 64 with local response normalisation, then 384, 192 and the classes.

    1.76 million weights for three channels and ten classes. Any image size divisible by 4.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10):
        super().__init__()
        if size % 4:
            raise ValueError(f"AlexCifarNet takes images whose size is divisible by 4, not {size}")
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.LocalResponseNorm(4, alpha=0.001 / 9, beta=0.75, k=1),
            nn.Conv2d(64, 64, 5, padding=2),
            nn.ReLU(),
            nn.LocalResponseNorm(4, alpha=0.001 / 9, beta=0.75, k=1),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.classifier = nn.Sequential(
            nn.Linear(64 * (size // 4) ** 2, 384),
            nn.ReLU(),
            nn.Linear(384, 192),
            nn.ReLU(),
            nn.Linear(192, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.classifier(self.features(x).flatten(1))
