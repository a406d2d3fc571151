"""The paper's CIFAR-10 network (Krizhevsky 2012, as in its Section 4), about 80 % when fully trained."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LocalResponseNorm(nn.Module):
    """PyTorch's layer of that name: `x / (k + alpha * mean of x^2 over size neighbouring channels) ^ 0.75`.

    Written with a 1x1 convolution and two square roots, whose first and second derivatives are several times cheaper
    than those of the original's average pooling in three dimensions and general power.
    """

    window: Tensor
    k: Tensor

    def __init__(self, channels: int, size: int, alpha: float, k: float) -> None:
        super().__init__()
        index = torch.arange(channels)
        distance = index - index.unsqueeze(1)  # the window is size // 2 channels before to (size - 1) // 2 after
        window = (distance >= -(size // 2)) & (distance <= (size - 1) // 2)
        self.register_buffer("window", (alpha / size * window).view(channels, channels, 1, 1), persistent=False)
        self.register_buffer("k", torch.full((channels,), float(k)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x [n, channels, H, W]`, normalised."""
        scale = F.conv2d(x * x, self.window, self.k)
        return x * torch.rsqrt(scale * scale.sqrt())


class AlexCifarNet(nn.Module):
    """Two 5x5 convolutions of 64 channels with local response normalisation, then linear layers of 384, 192, classes.

    1.76 million weights for three channels and ten classes. Any image size divisible by 4.
    """

    def __init__(self, channels: int = 3, size: int = 32, classes: int = 10) -> None:
        super().__init__()
        if size % 4:
            raise ValueError(f"AlexCifarNet takes images whose size is divisible by 4, not {size}")
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 5, padding=2),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.ReLU(),  # after the maximum: the same result from a quarter of the values
            LocalResponseNorm(64, 4, alpha=0.001 / 9, k=1),
            nn.Conv2d(64, 64, 5, padding=2),
            nn.ReLU(),
            LocalResponseNorm(64, 4, alpha=0.001 / 9, k=1),
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
        if not x.is_cuda:  # CPUs convolve and pool faster with the channels last in memory
            x = x.contiguous(memory_format=torch.channels_last)
        return self.classifier(self.features(x).flatten(1))
