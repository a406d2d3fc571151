"""Gradient descent on distilled images, and its adjoint: the meta-gradient of Algorithm 1 with Section 3.4.

Forward, step t of T (Equation 9), on the images x_t at the rate eta_t:

    theta_{t+1} = theta_t - eta_t grad l(x_t, theta_t)

Backward, with v = dL/dtheta_{t+1} and s = <grad l(x_t, theta_t), v>:

    dL/deta_t = -s        dL/dx_t = -eta_t ds/dx_t        dL/dtheta_t = v - eta_t ds/dtheta_t

The gradient with respect to soft labels is like that with respect to images. Momentum and Adam, which the paper does
not have, only take another direction than v for s: `dd.distill.optimisers` has the equations of all three.
`dd.distill.inner_steps` says which x_t and eta_t the steps have.

The backward pass through one step needs only theta_t (with momentum theta_{t+1}, with Adam the moments of both). So
only these grow with T, `[T + 1, nets, P]` each; everything else is kept for one step. With a window of M steps, only
the last M are kept and gone back through, and weights and moments are constants where it begins.
`dd.distill.derivatives` computes s and its gradients.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from dd.distill.derivatives import gradient, hessian_vector_product, value_and_gradient_in_chunks
from dd.distill.distilled_data import DistilledData, DistilledGradient
from dd.distill.inner_steps import Steps, in_order
from dd.distill.loss import Loss
from dd.distill.optimisers import GradientDescent, Optimiser, Point
from dd.nets.stacked import net_batches
from dd.runtime.trace import TensorFunction

Augment = Callable[[Tensor, int], Tensor]
"""Takes the images of a GD step and its number, counted from 1. Returns changed images, always by the same draws."""


@dataclass(frozen=True)
class Trajectory:
    """What the backward pass needs of a training: where it was before the first step of the window and after each."""

    theta: Tensor
    """`[window + 1, nets, P]`"""
    moments: Tensor
    """`[window + 1, kept, nets, P]`: as many moments as the optimiser's adjoint needs."""

    def at(self, t: int) -> Point:
        """Where it was after `t` steps of the window."""
        return Point(self.theta[t], tuple(self.moments[t]))


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


@dataclass(frozen=True, kw_only=True)
class UnrollOptions:
    """How to train, and how to go back through it. The defaults are the paper's gradient descent."""

    steps: Steps | None = None
    """The GD steps; None is all in order, in every epoch."""
    optimiser: Optimiser = field(default_factory=GradientDescent)
    augment: Augment | None = None
    """How the images are changed; None is not at all."""
    window: int = 0
    """How many of the last steps are kept and gone back through; 0 is all."""
    reverse_over_forward: bool = True
    """Whether second derivatives use forward mode: see `dd.distill.derivatives.reverse_over_forward_is_exact`."""
    clip: float = 0.0
    """In the backward pass, v of each net is clipped after each step at this many times its norm at the last GD step; 0
    never clips. v grows if gradient descent is chaotic. Then the exact gradient is of little use, and one such net
    outweighs all others."""

    def steps_on(self, data: DistilledData) -> Steps:
        """The GD steps on `data`."""
        return in_order(data) if self.steps is None else self.steps

    def augmented(self, images: Tensor, number: int) -> Tensor:
        """The images of step `number` as it is done on them."""
        return self.augment(images, number) if self.augment else images


PLAIN = UnrollOptions()
"""Gradient descent as in the paper."""


def descend(loss: Loss, theta: Tensor, data: DistilledData, *, options: UnrollOptions = PLAIN) -> Trajectory:
    """Train nets on distilled images (Equation 9), and keep what the backward pass needs of the window's steps.

    Args:
        loss: each net's mean loss on a batch.
        theta: initial weights `[nets, P]`.
        data: what to train on.
        options: steps, optimiser and window.
    """
    steps = len(options.steps_on(data))
    first = steps - min(options.window or steps, steps)
    # in one tensor, because hundreds of tensors between short-lived ones would take twice the memory
    weights = theta.new_empty(steps - first + 1, *theta.shape)
    moments = theta.new_empty(len(weights), options.optimiser.kept, *theta.shape)
    for t, point in enumerate(_points(loss.traced(gradient), theta, data, options), start=-first):
        if t >= 0:
            weights[t] = point.theta
            for kept, moment in zip(moments[t], point.moments, strict=False):
                kept.copy_(moment)
    return Trajectory(weights, moments)


def train(loss: Loss, theta: Tensor, data: DistilledData, *, options: UnrollOptions = PLAIN) -> Tensor:
    """The last weights of `descend`, `[nets, P]`, without keeping the others."""
    trained = []
    # on a CPU it is run as written, because there can be too few steps for tracing to pay
    step_gradient = loss.traced(gradient) if theta.is_cuda else functools.partial(gradient, loss)
    for part in net_batches(theta):
        for point in _points(step_gradient, part, data, options):
            last = point.theta
        trained.append(last)
    return torch.cat(trained)


def _points(
    step_gradient: TensorFunction, theta: Tensor, data: DistilledData, options: UnrollOptions
) -> Iterator[Point]:
    """Where the training is before the first step and after each."""
    optimiser, rates, (images, labels) = options.optimiser, data.lrs.flatten().tolist(), data.flat()
    at = Point(theta.detach(), optimiser.zeros(theta))
    yield at
    for number, step in enumerate(options.steps_on(data), start=1):
        (g,) = step_gradient(at.theta, options.augmented(images[step.rows], number), labels[step.rows])
        at = optimiser.step(at, g, lr=rates[step.rate], number=number)
        yield at


def adjoint(
    loss: Loss, trajectory: Trajectory, v: Tensor, data: DistilledData, *, options: UnrollOptions = PLAIN
) -> Adjoint:
    """The backward pass through GD steps: from dL/dtheta_T to the gradients of the distilled data and of theta_0.

    Args:
        loss: that of `descend`.
        trajectory: what `descend` returned for the same data and options.
        v: dL/dtheta_T `[nets, P]`.
        data: what the nets were trained on.
        options: with `clip`, the result is not the exact gradient.

    Returns:
        The gradients; with a window, theta_0 is where it begins.
    """
    products = loss.traced(hessian_vector_product, reverse_over_forward=options.reverse_over_forward)
    optimiser, rates, (images, labels) = options.optimiser, data.lrs.flatten().tolist(), data.flat()
    d_data, d_moments = data.zeros(), optimiser.zeros(v)
    d_lrs, limit = d_data.lrs.view(-1), options.clip * _norms(v)
    steps = list(enumerate(options.steps_on(data), start=1))
    first = len(steps) - (len(trajectory.theta) - 1)
    # Invariants of the loop over the steps, the last one first: v = dL/dtheta after the step, d_moments are the
    # derivatives of the moments after it by way of later steps, and the gradients hold the terms of all later steps. At
    # the end of the body, v and d_moments belong to where the step began.
    for number, step in reversed(steps[first:]):
        t, lr = number - 1 - first, rates[step.rate]
        before, after = trajectory.at(t), trajectory.at(t + 1)
        back = optimiser.adjoint(v, d_moments, before, after, lr=lr, number=number)
        x = images[step.rows].requires_grad_(options.augment is not None)
        with torch.enable_grad():
            changed = options.augmented(x, number)
        # cloned, because a tangent takes as much memory as the storage of its weights: here the whole trajectory
        s, ds_dw, ds_dx, *ds_dy = products(before.theta.clone(), back.q, changed.detach(), labels[step.rows])
        d_lrs[step.rate] = -s if back.d_lr is None else back.d_lr
        if options.augment:
            (ds_dx,) = torch.autograd.grad(changed, x, ds_dx)
        d_data.add_rows_(step.rows, ds_dx, *ds_dy, factor=back.factor)
        v, d_moments = torch.add(v, ds_dw, alpha=back.factor), back.d_moments
        if options.clip:
            norms = _norms(v)
            v = torch.where(norms > limit, v * (limit / norms), v)
    return Adjoint(d_data, v)


def _norms(v: Tensor) -> Tensor:
    """The norm of each net's row, `[nets, 1]`."""
    return torch.linalg.vector_norm(v, dim=1, keepdim=True)


def meta_gradient(
    loss: Loss,
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
    losses, total = [], data.zeros()
    for part in net_batches(theta):
        trajectory = descend(loss, part, data, options=options)
        values, v = value_and_gradient_in_chunks(loss, trajectory.theta[-1], real_x, real_y)
        back = adjoint(loss, trajectory, v / len(theta), data, options=options)
        total.add_(back.gradient)
        losses.append(values)
    return MetaGradient(torch.cat(losses), total)
