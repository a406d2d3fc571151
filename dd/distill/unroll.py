"""Gradient descent on distilled images, and its adjoint: the meta-gradient of Algorithm 1 with Section 3.4.

Forward, step t of T = epochs x steps (Equation 9):

    theta_{t+1} = theta_t - eta_t grad l(x_t, theta_t)

Backward, with v = dL/dtheta_{t+1} and s = <grad l(x_t, theta_t), v>:

    dL/deta_t = -s        dL/dx_t = -eta_t ds/dx_t        dL/dtheta_t = v - eta_t ds/dtheta_t

One step back needs only theta_t, so the stored weights [T + 1, nets, P] are all that grows with T. Everything
else lives for one step. s is the derivative of l along v, which one forward pass with tangents gives (Pearlmutter
1994); its own gradient is then a single backward pass through that.
"""

import warnings
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from dd.distill.objective import Loss

# PyTorch of its own insides: setting one oneDNN flag touches all of them, and some tangents are made by TorchScript
warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
warnings.filterwarnings("ignore", message="`torch.jit.script` is deprecated")

SMALL_BATCH, SMALL_NET = 32, 100_000
"""Up to so many images and weights PyTorch's native CPU convolutions beat oneDNN's, whose set-up dominates there."""


class MetaGradient(NamedTuple):
    """Gradients of the mean over nets of L; `losses` are L itself, one a net."""

    losses: Tensor
    """[nets]"""
    images: Tensor
    """[steps, n, ...], like the distilled images."""
    lrs: Tensor
    """[epochs, steps]"""


def descend(loss: Loss, theta: Tensor, images: Tensor, labels: Tensor, lrs: Tensor) -> Tensor:
    """Train nets on distilled images, in order, `epochs` times over (Equation 9).

    Args:
        loss: each net's mean loss on a batch.
        theta: initial weights `[nets, P]`.
        images: `[steps, n, ...]`.
        labels: `[steps, n]`.
        lrs: learning rates `[epochs, steps]`.

    Returns:
        Weights before the first step and after each, `[epochs * steps + 1, nets, P]`.
    """
    steps = len(images)
    trajectory = theta.new_empty(lrs.numel() + 1, *theta.shape)
    trajectory[0] = theta
    with _convolutions_for(theta, images):
        for t, lr in enumerate(lrs.flatten()):
            w = trajectory[t].detach().requires_grad_()
            (grad,) = torch.autograd.grad(loss(w, images[t % steps], labels[t % steps]).sum(), w)
            torch.sub(w.detach(), lr * grad, out=trajectory[t + 1])
    return trajectory


def adjoint(loss: Loss, trajectory: Tensor, v: Tensor, images: Tensor, labels: Tensor, lrs: Tensor):
    """Carry `v = dL/dtheta_T [nets, P]` back along a trajectory of `descend`.

    Returns:
        `(dL/dimages [steps, n, ...], dL/dlrs [epochs, steps], dL/dtheta_0 [nets, P])`, the first two summed over nets.
    """
    steps = len(images)
    d_images, d_lrs = torch.zeros_like(images), torch.zeros_like(lrs).flatten()
    with _convolutions_for(v, images):
        for t in reversed(range(lrs.numel())):
            # Here v = dL/dtheta_{t+1}; at the end of the body it is dL/dtheta_t.
            i, lr = t % steps, lrs.flatten()[t]
            w, x = trajectory[t].detach().requires_grad_(), images[i].detach().requires_grad_()
            with forward_ad.dual_level():
                along_v = loss(forward_ad.make_dual(w, v), x, labels[i])
                s = forward_ad.unpack_dual(along_v).tangent.sum()
            ds_dw, ds_dx = torch.autograd.grad(s, (w, x))
            d_lrs[t] = -s.detach()
            d_images[i] -= lr * ds_dx
            v = v - lr * ds_dw
    return d_images, d_lrs.view_as(lrs), v


def meta_gradient(
    loss: Loss,
    objective: Loss,
    theta: Tensor,
    images: Tensor,
    labels: Tensor,
    lrs: Tensor,
    real_x: Tensor,
    real_y: Tensor,
) -> MetaGradient:
    """The gradient of the mean over nets of `L = objective(real batch, theta_T)` (Equation 4, Algorithm 1).

    `loss` trains on the distilled images and `objective` judges on the real batch `real_x [b, ...], real_y [b]`.
    The other arguments are those of `descend`. Algorithm 1 sums over nets; the mean differs by a constant to
    which Adam does not react, and keeps losses and norms comparable between numbers of nets.
    """
    trajectory = descend(loss, theta, images, labels, lrs)
    losses, v = [], []
    for final in trajectory[-1].split(1):  # a real batch is large enough to fill the device with one net
        w = final.detach().requires_grad_()
        losses.append(objective(w, real_x, real_y))
        v += torch.autograd.grad(losses[-1].sum() / len(theta), w)
    d_images, d_lrs, _ = adjoint(loss, trajectory, torch.cat(v), images, labels, lrs)
    return MetaGradient(torch.cat(losses).detach(), d_images, d_lrs)


def _convolutions_for(theta: Tensor, images: Tensor):
    small = images.shape[1] <= SMALL_BATCH and theta.shape[1] <= SMALL_NET and images.device.type == "cpu"
    return torch.backends.mkldnn.flags(enabled=torch.backends.mkldnn.enabled and not small)
