"""Derivatives of a loss: its gradient, and the second derivatives that a step of the adjoint needs.

With s = <grad_w l(x, w), q>, the directional derivative of l along q, the gradient of s with respect to w is the
Hessian of l times q. Forward mode gives s in one forward pass (Pearlmutter 1994), and one backward pass through that
gives all gradients of s. If PyTorch cannot do that for some operation, s is computed by reverse mode instead, as the
product of the whole gradient and q, which takes longer.
"""

import functools
import warnings

import torch
from torch import Tensor
from torch.autograd import forward_ad

from dd.distill.loss import Loss
from dd.runtime.errors import reason
from dd.runtime.memory import ran_out
from dd.runtime.seeds import generator

CHUNK_PIXELS = 350_000
"""How much of a real batch a CPU computes at once, in pixels times networks. The results of more would not fit its
caches, and blocks of memory above 32 MiB are not kept for the next use (`dd.runtime.memory`)."""
SMALLEST_CHUNK = 16
"""The fewest images computed at once. With fewer, reading a large network's weights takes longer than the images do."""


def gradient(loss: Loss, w: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """The gradient grad_w l `[nets, P]` of `w [nets, P]` on images `x [n, ...]` with labels `y`, in a tuple of one."""
    w = w.detach().requires_grad_()
    return torch.autograd.grad(loss(w, x, y).sum(), w)


def value_and_gradient(loss: Loss, w: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The loss `[nets]` and its gradient `[nets, P]`, on the whole batch at once."""
    w = w.detach().requires_grad_()
    value = loss(w, x, y)
    return value.detach(), torch.autograd.grad(value.sum(), w)[0]


def value_and_gradient_in_chunks(loss: Loss, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The loss `[nets]` and its gradient `[nets, P]`, of `theta [nets, P]` on a real batch `x [b, ...], y [b]`.

    On a CPU the batch is computed in chunks that fit its caches, unless the loss is not `by_image`.
    """
    chunk = (
        len(x) if x.is_cuda or not loss.by_image else max(SMALLEST_CHUNK, CHUNK_PIXELS // (len(theta) * x[0].numel()))
    )
    values, d_theta = theta.new_zeros(len(theta)), torch.zeros_like(theta)
    compute = loss.traced(value_and_gradient) if x.is_cuda else functools.partial(value_and_gradient, loss)
    for images, labels in zip(x.split(chunk), y.split(chunk), strict=True):
        value, d_value = compute(theta, images, labels)
        share = len(images) / len(x)
        d_theta += share * d_value
        values += share * value
    return values, d_theta


def directional_derivative(
    loss: Loss, w: Tensor, q: Tensor, x: Tensor, y: Tensor, *, reverse_over_forward: bool
) -> Tensor:
    """The scalar s = <grad_w l, q>, summed over nets; it can be differentiated with respect to w, x and y.

    Args:
        loss: the loss l.
        w: weights `[nets, P]`.
        q: the direction `[nets, P]`.
        x: images `[n, ...]`.
        y: their labels.
        reverse_over_forward: compute s by forward mode, rather than as the product of the gradient and q.
    """
    if not reverse_over_forward:
        (grad,) = torch.autograd.grad(loss(w, x, y).sum(), w, create_graph=True)
        return torch.sum(grad * q)
    with warnings.catch_warnings(), forward_ad.dual_level():
        # PyTorch computes some forward derivatives by its own TorchScript, and warns of that
        warnings.filterwarnings("ignore", message="`torch.jit.script` is deprecated")
        return forward_ad.unpack_dual(loss(forward_ad.make_dual(w, q), x, y)).tangent.sum()


def hessian_vector_product(
    loss: Loss, w: Tensor, q: Tensor, x: Tensor, y: Tensor, *, reverse_over_forward: bool
) -> tuple[Tensor, ...]:
    """The s of `directional_derivative` and its gradients: what one step of the adjoint needs.

    Returns:
        s, ds/dw (the Hessian times q, `[nets, P]`), ds/dx, and, if labels are probabilities, ds/dy.
    """
    w, x, y = (t.detach().requires_grad_(t.is_floating_point()) for t in (w, x, y))
    s = directional_derivative(loss, w, q, x, y, reverse_over_forward=reverse_over_forward)
    return s.detach(), *torch.autograd.grad(s, [t for t in (w, x, y) if t.requires_grad])


def reverse_over_forward_is_exact(loss: Loss, theta: Tensor, x: Tensor, y: Tensor) -> bool:
    """Whether `directional_derivative` is exact by forward mode for all operations of `loss`.

    In forward mode, PyTorch's fused LayerNorm and InstanceNorm, and BatchNorm on batch statistics, silently lose terms,
    and some operations raise errors. So the results of both modes are compared.

    Args:
        loss: the loss l.
        theta: weights `[nets, P]`. The results are compared near theta, not at theta itself, where a last layer of
            zeros could hide lost terms.
        x: images `[n, ...]`, which should be float64, as should the weights.
        y: labels `[n]`.
    """
    q = torch.linspace(-1, 1, theta.numel(), dtype=theta.dtype).sin().view_as(theta)
    offset = torch.randn(theta.shape, dtype=theta.dtype, generator=generator(0, "aside"))
    w, x = (theta.detach() + 0.01 * offset).requires_grad_(), x.detach().requires_grad_()

    def gradients(reverse_over_forward: bool) -> tuple[Tensor, ...]:
        s = directional_derivative(loss, w, q, x, y, reverse_over_forward=reverse_over_forward)
        return torch.autograd.grad(s, (w, x))

    try:
        pairs = list(zip(gradients(True), gradients(False), strict=True))
    except Exception as error:  # an operation without forward derivative, or a user's own forward that needs float32
        if ran_out(error):
            raise
        return False
    return all(bool((forward - exact).norm() <= 1e-6 * exact.norm()) for forward, exact in pairs)


def second_derivative_error(loss: Loss, theta: Tensor, x: Tensor, y: Tensor, *, reverse_over_forward: bool) -> str:
    """Why PyTorch cannot compute `hessian_vector_product` of these tensors, in one line; empty if it can.

    Some operations have no second derivative, and some have none on one device or in one precision.
    """
    q = torch.ones_like(theta)
    try:
        hessian_vector_product(loss, theta, q, x, y, reverse_over_forward=reverse_over_forward)
    except RuntimeError as error:
        if ran_out(error):
            raise
        return reason(error)[:200]
    return ""
