"""LeNet (LeCun et al. 1998) as the paper uses it: 6-16-120-84, ReLU, max-pooling."""

import torch.nn.functional as F
from torch import Tensor, nn

from dd.nets.small_images import check_size
from dd.nets.stacked_layers import convolve, convolve_images, flatten, linear, max_pool


class LeNet(nn.Module):
    """Two 5x5 convolutions and three linear layers; 61,706 weights for one channel and ten classes.

    Images of 28 pixels are padded by 2 in the first layer and images of 32 are not, so that the same weights fit both
    sizes: Table 2's networks learn SVHN at 32 pixels and then MNIST at 28.
    """

    def __init__(self, channels: int = 1, size: int = 28, classes: int = 10) -> None:
        super().__init__()
        check_size("LeNet", size)
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=(32 - size) // 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `[n, classes]` of images `x [n, channels, size, size]`."""
        return self.stacked({name: p.unsqueeze(0) for name, p in self.named_parameters()}, x).squeeze(0)

    def stacked(self, w: dict[str, Tensor], x: Tensor) -> Tensor:
        """Logits `[nets, n, classes]` of the same images under weights `w` by name, each `[nets, *shape]`."""
        check_size("LeNet", x.shape[-1])
        # the maximum before bias and ReLU: the same result and gradients, from a quarter of the values
        x = max_pool(convolve_images(x, w["conv1.weight"], (32 - x.shape[-1]) // 2))
        x = F.relu(x + w["conv1.bias"].reshape(-1, 1, 1))
        x = max_pool(convolve(x, w["conv2.weight"]))
        x = F.relu(x + w["conv2.bias"].reshape(-1, 1, 1))
        x = flatten(x, len(w["conv1.weight"]))
        x = F.relu(linear(x, w["fc1.weight"], w["fc1.bias"]))
        x = F.relu(linear(x, w["fc2.weight"], w["fc2.bias"]))
        return linear(x, w["fc3.weight"], w["fc3.bias"])
