"""AlexNet (Krizhevsky 2014, "one weird trick"), the ImageNet network of Table 3, as torchvision has it."""

import torch
from torch import Tensor, nn


class AlexNet(nn.Module):
    """Five convolutions and three linear layers; 61.1 million weights for three channels and 1000 classes.

    Weights have torchvision's names and shapes, so that its files fit. They fit every image size from 63 pixels.
    """

    def __init__(self, channels: int = 3, size: int = 224, classes: int = 1000) -> None:
        super().__init__()
        if size < 63:
            raise ValueError(f"AlexNet takes images of at least 63 pixels, not {size}")
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 11, stride=4, padding=2),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),  # after the maximum: the same result from a quarter of the values
            nn.Conv2d(64, 192, 5, padding=2),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        # convolutions and pooling are faster with the channels last in memory
        x = self.features(x.contiguous(memory_format=torch.channels_last))
        return self.classifier(self.avgpool(x).flatten(1))
