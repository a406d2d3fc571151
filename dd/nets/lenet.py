"""LeNet (LeCun et al. 1998) as the paper uses it: 6-16-120-84, ReLU, max-pooling."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet(nn.Module):
    """Two 5x5 convolutions and three linear layers; 61,706 weights for one channel and ten classes.

    Images of 28 pixels are padded by 2 in the first layer and images of 32 are not, so that the same
    weights fit both sizes (Table 2 moves nets between them).
    """

    def __init__(self, channels: int = 1, size: int = 28, classes: int = 10):
        super().__init__()
        if size not in (28, 32):
            raise ValueError(f"LeNet takes images of 28 or 32 pixels, not {size}")
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2 if size == 28 else 0)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        x = _convolve(self.conv1, x)
        x = _convolve(self.conv2, x)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def _convolve(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolution, bias, ReLU and 2x2 max-pooling, with the maximum second: it changes nothing, gradients included, and
    leaves a quarter of the numbers."""
    x = _max_pool(F.conv2d(x, conv.weight, padding=conv.padding))
    return F.relu(x + conv.bias.view(-1, 1, 1))


def _max_pool(x: Tensor) -> Tensor:
    """The maxima of 2x2 pixels; PyTorch's also finds out where they are, which takes eight times as long on a CPU."""
    if torch.is_grad_enabled():
        return F.max_pool2d(x, 2)
    x = torch.maximum(*x.unflatten(2, (-1, 2)).unbind(3))
    return torch.maximum(*x.unflatten(3, (-1, 2)).unbind(4))
