"""Layers of several networks at once, whose channels lie side by side: activations `[n, nets * C, H, W]`, channels last.

A grouped convolution in this layout costs a fraction of one network after the other on small batches, and pooling is
vectorised over all channels of all networks.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def convolve(x: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """Convolutions without bias.

    Args:
        x: images that all networks see `[n, C, H, W]`, or activations of each `[n, nets * C, H, W]`.
        weight: `[nets, C', C, k, k]`.
        padding: zeros around `x`, in pixels.

    Returns:
        `[n, nets * C', H', W']`.
    """
    groups = x.shape[1] // weight.shape[2]
    # through two dimensions, as a tensor of one channel must be told by its strides that they come last
    rows = weight.flatten(0, 1).permute(0, 2, 3, 1)
    kernels = rows.flatten(1).view(rows.shape).permute(0, 3, 1, 2)
    return F.conv2d(x, kernels, padding=padding, groups=groups)


def max_pool(x: Tensor) -> Tensor:
    """The maxima of 2x2 pixels of `x [n, C, H, W]`; PyTorch's also finds out where they are."""
    if torch.is_grad_enabled():
        return F.max_pool2d(x, 2)
    x = torch.maximum(*x.unflatten(2, (-1, 2)).unbind(3))
    return torch.maximum(*x.unflatten(3, (-1, 2)).unbind(4))


def flatten(x: Tensor, nets: int) -> Tensor:
    """Activations `[n, nets * C, H, W]` as features `[nets, n, C * H * W]`."""
    return x.unflatten(1, (nets, -1)).transpose(0, 1).flatten(2)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`x [nets, n, f]`, `weight [nets, f', f]`, `bias [nets, f']` to `[nets, n, f']`."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))
