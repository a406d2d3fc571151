"""Gradient descent on distilled images, and its adjoint: the meta-gradient of Algorithm 1 with Section 3.4.

Forward, step t of T = epochs x steps (Equation 9):

    theta_{t+1} = theta_t - eta_t grad l(x_t, theta_t)

Backward, with v = dL/dtheta_{t+1} and s = <grad l(x_t, theta_t), v>:

    dL/deta_t = -s        dL/dx_t = -eta_t ds/dx_t        dL/dtheta_t = v - eta_t ds/dtheta_t

The gradient with respect to soft labels is like that with respect to images.

With momentum mu, from m_0 = 0. The paper has none, and it visits the steps in one order (see `shuffled_order`):

    m_{t+1} = mu m_t + grad l(x_t, theta_t)        theta_{t+1} = theta_t - eta_t m_{t+1}

L also depends on m_{t+1} through m_{t+2}. Call that part of dL/dm_{t+1} -h. Then, starting with h = 0 at the last step,

    q = v + h / eta_t        s = <grad l(x_t, theta_t), q>        h of the step before = mu eta_t q

With this s, dL/dx_t and dL/dtheta_t are as above, and dL/deta_t = -<m_{t+1}, v>, where eta_t m_{t+1} = theta_t -
theta_{t+1}.

The backward pass through one step needs only theta_t (and theta_{t+1}). So only the stored weights [T + 1, nets, P]
grow with T; everything else is kept for one step. `dd.distill.derivatives` computes s and its gradients.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dd.distill.derivatives import gradient, hessian_vector_product, value_and_gradient_in_chunks
from dd.distill.loss import LossFunction, as_loss
from dd.nets.stacked import net_batches
from dd.runtime.trace import TensorFunction


class DistilledData(NamedTuple):
    """The data that networks are trained on."""

    images: Tensor
    """`[steps, n, ...]`."""
    labels: Tensor
    """`[steps, n]`; soft labels are probabilities `[steps, n, classes]`."""
    lrs: Tensor
    """Learning rates `[epochs, steps]`."""

    def to(self, device: torch.device | str) -> "DistilledData":
        """The same data on another device."""
        return DistilledData(*(t.to(device) for t in self))

    def zeros(self) -> "DistilledGradient":
        """A gradient of zeros."""
        labels = torch.zeros_like(self.labels) if self.labels.is_floating_point() else None
        lrs = torch.zeros_like(self.lrs, memory_format=torch.contiguous_format)
        return DistilledGradient(torch.zeros_like(self.images), lrs, labels)


class DistilledGradient(NamedTuple):
    """Gradients with respect to the fields of `DistilledData`, each in the shape of its field."""

    images: Tensor
    """`[steps, n, ...]`"""
    lrs: Tensor
    """`[epochs, steps]`"""
    labels: Tensor | None
    """`[steps, n, classes]`, or None for hard labels."""

    def add_(self, other: "DistilledGradient") -> None:
        """Add another gradient to this one, in place."""
        for own, term in zip(self, other, strict=True):
            if own is not None and term is not None:
                own.add_(term)


class Adjoint(NamedTuple):
    """The result of the backward pass through all steps."""

    gradient: DistilledGradient
    """The gradient of L with respect to the distilled data, summed over nets."""
    theta: Tensor
    """dL/dtheta_0 `[nets, P]`."""


class MetaGradient(NamedTuple):
    """Losses and meta-gradient of one meta-step."""

    losses: Tensor
    """L of each net, `[nets]`."""
    gradient: DistilledGradient
    """The gradient of the mean of L over nets."""


Order = Sequence[int]
"""The indices into the flattened `lrs [epochs, steps]`, in the order of the GD steps. An index gives the rate of a step
and, modulo `steps`, its images. So a rate stays with its images, at whatever place in an epoch they come."""


@dataclass(frozen=True, kw_only=True)
class UnrollOptions:
    """How to do the GD steps and the backward pass through them. The defaults are the paper's gradient descent."""

    order: Order | None = None
    """The order of the steps; None is one after the other, in every epoch."""
    momentum: float = 0.0
    """The mu of the equations above."""
    reverse_over_forward: bool = True
    """Whether second derivatives use forward mode: see `dd.distill.derivatives.reverse_over_forward_is_exact`."""
    clip: float = 0.0
    """In the backward pass, v of each net is clipped after each step at this many times its norm at the last GD step; 0
    never clips. v grows if gradient descent is chaotic. Then the exact gradient is of little use, and one such net
    outweighs all others."""

    def places(self, lrs: Tensor) -> Order:
        """The order of the steps, for rates `lrs [epochs, steps]`."""
        return self.order or range(lrs.numel())


PLAIN = UnrollOptions()
"""Gradient descent as in the paper."""


def shuffled_order(epochs: int, steps: int, draw: torch.Generator) -> Order:
    """An order with all steps in every epoch; the order within each epoch is drawn by `draw`."""
    return [epoch * steps + i for epoch in range(epochs) for i in torch.randperm(steps, generator=draw).tolist()]


def descend(loss: LossFunction, theta: Tensor, data: DistilledData, *, options: UnrollOptions = PLAIN) -> Tensor:
    """Train nets on distilled images, in order, `epochs` times over (Equation 9), and keep every step's weights.

    Args:
        loss: each net's mean loss on a batch.
        theta: initial weights `[nets, P]`.
        data: what to train on.
        options: order and momentum.

    Returns:
        Weights before the first step and after each, `[epochs * steps + 1, nets, P]`.
    """
    # in one tensor, because hundreds of tensors between short-lived ones would take twice the memory
    trajectory = theta.new_empty(data.lrs.numel() + 1, *theta.shape)
    for t, weights in enumerate(_iterates(as_loss(loss).traced(gradient), theta, data, options)):
        trajectory[t] = weights
    return trajectory


def train(loss: LossFunction, theta: Tensor, data: DistilledData, *, options: UnrollOptions = PLAIN) -> Tensor:
    """The last weights of `descend`, `[nets, P]`, without keeping the others."""
    loss, trained = as_loss(loss), []
    # on a CPU it is run as written, because there can be too few steps for tracing to pay
    step_gradient = loss.traced(gradient) if theta.is_cuda else functools.partial(gradient, loss)
    for part in net_batches(theta):
        for weights in _iterates(step_gradient, part, data, options):
            last = weights
        trained.append(last)
    return torch.cat(trained)


def _iterates(
    step_gradient: TensorFunction, theta: Tensor, data: DistilledData, options: UnrollOptions
) -> Iterator[Tensor]:
    """theta_0 to theta_T, each `[nets, P]`."""
    theta, rates = theta.detach(), data.lrs.flatten().tolist()
    m = theta.new_zeros(()).expand_as(theta)  # the expanded zero takes no memory, which helps without momentum
    yield theta
    for place in options.places(data.lrs):
        i = place % len(data.images)
        (step,) = step_gradient(theta, data.images[i], data.labels[i])
        if options.momentum:
            step = m = torch.add(step, m, alpha=options.momentum)
        theta = torch.sub(theta, step, alpha=rates[place])
        yield theta


def adjoint(
    loss: LossFunction, trajectory: Tensor, v: Tensor, data: DistilledData, *, options: UnrollOptions = PLAIN
) -> Adjoint:
    """The backward pass through GD steps: from dL/dtheta_T to the gradients of the distilled data and of theta_0.

    Args:
        loss: that of `descend`.
        trajectory: what `descend` returned for the same data, order and momentum, `[epochs * steps + 1, nets, P]`.
        v: dL/dtheta_T `[nets, P]`.
        data: what the nets were trained on.
        options: with `clip`, the result is not the exact gradient.
    """
    products = as_loss(loss).traced(hessian_vector_product, reverse_over_forward=options.reverse_over_forward)
    d_data, rates, mu = data.zeros(), data.lrs.flatten().tolist(), options.momentum
    d_lrs = d_data.lrs.view(-1)
    limit = options.clip * _norms(v)
    h = v.new_zeros(()).expand_as(v)  # the expanded zero takes no memory, which helps without momentum
    # Invariants of the loop: v = dL/dtheta_{t+1} and h belongs to m_{t+1}, and the gradients hold the terms of all
    # steps after t. At the end of the body v = dL/dtheta_t and h belongs to m_t.
    for t, place in reversed(list(enumerate(options.places(data.lrs)))):
        i, lr = place % len(data.images), rates[place]
        q = torch.add(v, h, alpha=1 / lr) if mu else v
        # cloned, because a tangent takes as much memory as the storage of its weights: here the whole trajectory
        s, ds_dw, ds_dx, *ds_dy = products(trajectory[t].clone(), q, data.images[i], data.labels[i])
        d_lrs[place] = ((trajectory[t + 1] - trajectory[t]) * v).sum() / lr if mu else -s
        d_data.images[i].sub_(ds_dx, alpha=lr)
        if d_data.labels is not None:
            d_data.labels[i].sub_(ds_dy[0], alpha=lr)
        v = torch.sub(v, ds_dw, alpha=lr)
        if mu:
            h = mu * lr * q
        if options.clip:
            norms = _norms(v)
            v = torch.where(norms > limit, v * (limit / norms), v)
    return Adjoint(d_data, v)


def _norms(v: Tensor) -> Tensor:
    """The norm of each net's row, `[nets, 1]`."""
    return torch.linalg.vector_norm(v, dim=1, keepdim=True)


def meta_gradient(
    loss: LossFunction,
    theta: Tensor,
    data: DistilledData,
    real_x: Tensor,
    real_y: Tensor,
    *,
    options: UnrollOptions = PLAIN,
) -> MetaGradient:
    """The gradient of the mean of `L = loss(theta_T)` over nets, on a real batch (Equation 4, Algorithm 1).

    Algorithm 1 sums over nets. The mean differs by a constant factor, which Adam ignores. With the mean, losses and
    norms are comparable between numbers of nets.

    Args:
        loss: each net's mean loss, both on distilled images and on the real batch.
        theta: initial weights `[nets, P]`.
        data: the distilled data.
        real_x: real images `[b, ...]`.
        real_y: their labels `[b]`.
        options: those of `descend` and `adjoint`; with `clip` the result is not the exact gradient.
    """
    loss, losses, total = as_loss(loss), [], data.zeros()
    for part in net_batches(theta):
        trajectory = descend(loss, part, data, options=options)
        values, v = value_and_gradient_in_chunks(loss, trajectory[-1], real_x, real_y)
        back = adjoint(loss, trajectory, v / len(theta), data, options=options)
        total.add_(back.gradient)
        losses.append(values)
    return MetaGradient(torch.cat(losses), total)
