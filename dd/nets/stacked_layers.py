"""Layers of several networks at once, their channels side by side: activations `[n, nets * C, H, W]`, channels last.

On a CPU and small batches, a grouped convolution in this layout takes a fraction of the time of one network after the
other, and pooling is vectorised over all channels of all networks. On a GPU, later layers are matrix products.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def convolve_images(x: Tensor, weight: Tensor, padding: int = 0) -> Tensor:
    """The first convolution, without bias, of images that all networks see.

    Args:
        x: `[n, C, H, W]`.
        weight: `[nets, C', C, k, k]`.
        padding: zeros around the images, in pixels.

    Returns:
        `[n, nets * C', H', W']`.
    """
    return _ConvolveImages.apply(x, _side_by_side(weight), padding)


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """A later convolution, without bias or padding: `x [n, nets * C, H, W]`, `weight [nets, C', C, k, k]`."""
    if not x.is_cuda:
        return F.conv2d(x, _side_by_side(weight), groups=len(weight))
    # cuDNN computes the gradients of one group after the other, and takes ten times as long as a matrix product
    k = weight.shape[-1]
    patches = x.unflatten(1, (len(weight), -1)).unfold(3, k, 1).unfold(4, k, 1)  # [n, nets, C, H', W', k, k]
    columns = patches.permute(0, 1, 2, 5, 6, 3, 4).flatten(5).flatten(2, 4)
    return (weight.flatten(2) @ columns).unflatten(3, patches.shape[3:5]).flatten(1, 2)


def max_pool(x: Tensor) -> Tensor:
    """The maxima of 2x2 pixels of `x [n, C, H, W]`, faster than PyTorch's own, which also computes their positions."""
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


def _side_by_side(weight: Tensor) -> Tensor:
    """`[nets, C', C, k, k]` as `[nets * C', C, k, k]`, channels last."""
    weight = weight.flatten(0, 1).permute(0, 2, 3, 1)
    # through two dimensions, which makes new strides: with the old ones a single channel would not count as last
    return weight.flatten(1).view(weight.shape).permute(0, 3, 1, 2)


class _ConvolveImages(torch.autograd.Function):
    """PyTorch's convolution with cheaper derivatives, to any order.

    PyTorch's gradient for few input channels takes three times as long as a matrix product and `fold`, and its tangent
    convolves a tensor of zeros if the images have no tangent.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, padding: int) -> Tensor:
        return F.conv2d(x, weight, padding=padding)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], _output: Tensor) -> None:
        x, weight, ctx.padding = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        d_x = d_weight = None
        if grad is None:
            return None, None, None
        if ctx.needs_input_grad[0]:
            columns = weight.flatten(1).t() @ grad.flatten(2)
            d_x = F.fold(columns, x.shape[2:], weight.shape[2:], padding=ctx.padding)
        if ctx.needs_input_grad[1]:
            p = ctx.padding
            _, d_weight, _ = torch.ops.aten.convolution_backward(
                grad, x, weight, None, (1, 1), (p, p), (1, 1), False, (0, 0), 1, (False, True, False)
            )
        return d_x, d_weight, None

    @staticmethod
    def jvp(ctx: Any, d_x: Tensor | None, d_weight: Tensor | None, _: None) -> Tensor:
        x, weight = ctx.saved_tensors
        terms = [(a, b) for a, b in ((d_x, weight), (x, d_weight)) if a is not None and b is not None]
        return sum(_ConvolveImages.apply(a, b, ctx.padding) for a, b in terms)
