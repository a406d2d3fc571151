"""Gradient descent on distilled images, and its adjoint: the meta-gradient of Algorithm 1 with Section 3.4.

Forward, step t of T = epochs x steps (Equation 9):

    theta_{t+1} = theta_t - eta_t grad l(x_t, theta_t)

Backward, with v = dL/dtheta_{t+1} and s = <grad l(x_t, theta_t), v>:

    dL/deta_t = -s        dL/dx_t = -eta_t ds/dx_t        dL/dtheta_t = v - eta_t ds/dtheta_t

and learned labels as images.

With momentum mu, from m_0 = 0, which is not in the paper (nor is any order but one after the other, `shuffled`):

    m_{t+1} = mu m_t + grad l(x_t, theta_t)        theta_{t+1} = theta_t - eta_t m_{t+1}

m_{t+1} also reaches L by way of m_{t+2}: let that part of its gradient be -h. Then, from h = 0 at the end,

    q = v + h / eta_t        s = <grad l(x_t, theta_t), q>        h of the step before = mu eta_t q

and dL/dx_t and dL/dtheta_t are those above; dL/deta_t = -<m_{t+1}, v>, where eta_t m_{t+1} = theta_t - theta_{t+1}.

One step back needs only theta_t (and theta_{t+1}), so the stored weights [T + 1, nets, P] are all that grows with T.
Everything else lives for one step. s is the derivative of l along v or q, which one forward pass with tangents gives
(Pearlmutter 1994); its own gradient is then a single backward pass through that. Nets with operations for which PyTorch
cannot do that go the longer way round, through the gradient itself: see `tangents_exact`.
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from dd.distill.loss import Loss
from dd.nets.stacked import net_batches
from dd.runtime.errors import reason
from dd.runtime.memory import ran_out
from dd.runtime.seeds import generator
from dd.runtime.trace import Flat

# PyTorch of its own insides: some tangents are made by TorchScript
warnings.filterwarnings("ignore", message="`torch.jit.script` is deprecated")

CHUNK, LEAST = 350_000, 16
"""Pixels of the real batch times networks judged at once on a CPU: what follows from more no longer fits the caches,
and blocks above 32 MiB are not kept (`dd.runtime.memory`). But at least so many images: fewer would spend more time on
a large network's weights than on themselves."""


class MetaGradient(NamedTuple):
    """Gradients of the mean over nets of L; `losses` are L itself, one a net."""

    losses: Tensor
    """[nets]"""
    images: Tensor
    """[steps, n, ...], like the distilled images."""
    lrs: Tensor
    """[epochs, steps]"""
    labels: Tensor | None
    """[steps, n, classes], or nothing where labels are whole numbers."""


class Adjoint(NamedTuple):
    """What `adjoint` returns; but for `theta`, summed over nets."""

    images: Tensor
    """dL/dimages `[steps, n, ...]`."""
    lrs: Tensor
    """dL/dlrs `[epochs, steps]`."""
    labels: Tensor | None
    """dL/dlabels, in the shape of the labels, or nothing where they are whole numbers."""
    theta: Tensor
    """dL/dtheta_0 `[nets, P]`."""


Order = Sequence[int]
"""The places in `lrs [epochs, steps]`, flattened, in the order they are visited: each is the rate of a step and, modulo
steps, says which images it is on. A rate so belongs to its images, wherever in an epoch they come."""


def shuffled(epochs: int, steps: int, draw: torch.Generator) -> Order:
    """An order with all steps in every epoch, the order within each drawn anew."""
    return [epoch * steps + i for epoch in range(epochs) for i in torch.randperm(steps, generator=draw).tolist()]


def descend(
    loss: Loss,
    theta: Tensor,
    images: Tensor,
    labels: Tensor,
    lrs: Tensor,
    order: Order | None = None,
    momentum: float = 0.0,
) -> Tensor:
    """Train nets on distilled images, in order, `epochs` times over (Equation 9), and keep every step's weights.

    Args:
        loss: each net's mean loss on a batch.
        theta: initial weights `[nets, P]`.
        images: `[steps, n, ...]`.
        labels: `[steps, n]`, or probabilities `[steps, n, classes]`.
        lrs: learning rates `[epochs, steps]`.
        order: of the steps; one after the other, if none is given.
        momentum: the mu above; 0 is gradient descent as in the paper.

    Returns:
        Weights before the first step and after each, `[epochs * steps + 1, nets, P]`.
    """
    # in one piece: as hundreds of tensors between short-lived ones they would take twice the memory
    trajectory = theta.new_empty(lrs.numel() + 1, *theta.shape)
    for t, weights in enumerate(_iterates(_flat(_gradient, loss), theta, images, labels, lrs, order, momentum)):
        trajectory[t] = weights
    return trajectory


def train(
    loss: Loss,
    theta: Tensor,
    images: Tensor,
    labels: Tensor,
    lrs: Tensor,
    order: Order | None = None,
    momentum: float = 0.0,
) -> Tensor:
    """The last weights of `descend`, `[nets, P]`, without keeping the others."""
    trained = []
    # on a CPU run as written, for nobody knows how often it will be
    gradient = _flat(_gradient, loss) if theta.is_cuda else functools.partial(_gradient, loss)
    for part in net_batches(theta):
        for weights in _iterates(gradient, part, images, labels, lrs, order, momentum):
            last = weights
        trained.append(last)
    return torch.cat(trained)


def _iterates(
    gradient: Callable,
    theta: Tensor,
    images: Tensor,
    labels: Tensor,
    lrs: Tensor,
    order: Order | None,
    momentum: float,
) -> Iterator[Tensor]:
    """theta_0 to theta_T, each `[nets, P]`."""
    theta, rates = theta.detach(), lrs.flatten().tolist()
    m = torch.zeros_like(theta) if momentum else None
    yield theta
    for place in order or range(len(rates)):
        i = place % len(images)
        (step,) = gradient(theta, images[i], labels[i])
        if momentum:
            step = m = torch.add(step, m, alpha=momentum)
        theta = torch.sub(theta, step, alpha=rates[place])
        yield theta


def adjoint(
    loss: Loss,
    trajectory: Tensor,
    v: Tensor,
    images: Tensor,
    labels: Tensor,
    lrs: Tensor,
    tangents: bool = True,
    clip: float = 0.0,
    order: Order | None = None,
    momentum: float = 0.0,
) -> Adjoint:
    """Carry `v = dL/dtheta_T [nets, P]` back along a trajectory of `descend`; `tangents` as in `tangents_exact`.

    With `clip`, the v of each net is clipped at `clip` times its norm at the end, after each step. It grows where
    gradient descent is chaotic; there the exact gradient says little, and one such net outweighs all others.
    """
    pull_back, rates = _flat(_pull_back, loss, tangents), lrs.flatten().tolist()
    d_images, d_lrs = torch.zeros_like(images), torch.zeros_like(lrs).flatten()
    d_labels = torch.zeros_like(labels) if labels.is_floating_point() else None
    limit = clip * _norms(v)
    h = torch.zeros_like(v) if momentum else None
    for t, place in reversed(list(enumerate(order or range(len(rates))))):
        # Here v = dL/dtheta_{t+1}, and h belongs to m_{t+1}; at the end of the body they are those of theta_t and m_t.
        i, lr = place % len(images), rates[place]
        q = torch.add(v, h, alpha=1 / lr) if momentum else v
        # a copy, as a tangent is given the storage of its primal: of the whole trajectory, were this a view of it
        s, ds_dw, ds_dx, *ds_dy = pull_back(trajectory[t].clone(), q, images[i], labels[i])
        d_lrs[place] = ((trajectory[t + 1] - trajectory[t]) * v).sum() / lr if momentum else -s
        d_images[i].sub_(ds_dx, alpha=lr)
        if d_labels is not None:
            d_labels[i].sub_(*ds_dy, alpha=lr)
        v = torch.sub(v, ds_dw, alpha=lr)
        if momentum:
            h = momentum * lr * q
        if clip:
            norms = _norms(v)
            v = torch.where(norms > limit, v * (limit / norms), v)
    return Adjoint(d_images, d_lrs.view_as(lrs), d_labels, v)


def _norms(v: Tensor) -> Tensor:
    """Of each net, `[nets, 1]`."""
    return torch.linalg.vector_norm(v, dim=1, keepdim=True)


def _flat(function: Callable, loss: Loss, *more: object) -> Flat:
    """`function` with its first arguments given. The loss keeps it, so that GPU memory goes when the loss does."""
    flats = vars(loss).setdefault("flats", {})
    key = (function, *more)
    if key not in flats:
        flats[key] = Flat(functools.partial(function, loss, *more), getattr(loss, "flattens", False))
    return flats[key]


def _gradient(loss: Loss, w: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor]:
    w = w.detach().requires_grad_()
    return torch.autograd.grad(loss(w, x, y).sum(), w)


def _pull_back(loss: Loss, tangents: bool, w: Tensor, v: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """S and its gradients with respect to w, x and, where labels are no whole numbers, y."""
    w, x, y = (t.detach().requires_grad_(t.is_floating_point()) for t in (w, x, y))
    s = _slope(loss, w, v, x, y, tangents)
    return s.detach(), *torch.autograd.grad(s, [t for t in (w, x, y) if t.requires_grad])


def meta_gradient(
    loss: Loss,
    objective: Loss,
    theta: Tensor,
    images: Tensor,
    labels: Tensor,
    lrs: Tensor,
    real_x: Tensor,
    real_y: Tensor,
    tangents: bool = True,
    clip: float = 0.0,
    order: Order | None = None,
    momentum: float = 0.0,
) -> MetaGradient:
    """The gradient of the mean over nets of `L = objective(real batch, theta_T)` (Equation 4, Algorithm 1).

    `loss` trains on the distilled images and `objective` judges on the real batch `real_x [b, ...], real_y [b]`.
    The other arguments are those of `descend` and `adjoint`; with `clip` it is not the exact gradient. Algorithm 1 sums
    over nets; the mean differs by a constant to which Adam does not react, and keeps losses and norms comparable
    between numbers of nets.
    """
    d_images, d_lrs, losses = torch.zeros_like(images), torch.zeros_like(lrs), []
    d_labels = torch.zeros_like(labels) if labels.is_floating_point() else None
    data = images, labels, lrs
    for part in net_batches(theta):
        trajectory = descend(loss, part, *data, order, momentum)
        values, v = judge(objective, trajectory[-1], real_x, real_y)
        back = adjoint(loss, trajectory, v / len(theta), *data, tangents, clip, order, momentum)
        d_images += back.images
        d_lrs += back.lrs
        if d_labels is not None:
            d_labels += back.labels
        losses.append(values)
    return MetaGradient(torch.cat(losses), d_images, d_lrs, d_labels)


def judge(objective: Loss, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L of each net `[nets]` and its gradient `[nets, P]`, chunk by chunk of the real batch `x [b, ...], y [b]`."""
    chunk = len(x) if x.is_cuda else max(LEAST, CHUNK // (len(theta) * x[0].numel()))
    losses, gradient = theta.new_zeros(len(theta)), torch.zeros_like(theta)
    judged = _flat(_judged, objective) if x.is_cuda else functools.partial(_judged, objective)
    for part, labels in zip(x.split(chunk), y.split(chunk), strict=True):
        (loss, d_theta), share = judged(theta, part, labels), len(part) / len(x)
        gradient += share * d_theta
        losses += share * loss
    return losses, gradient


def _judged(objective: Loss, w: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    w = w.detach().requires_grad_()
    loss = objective(w, x, y)
    return loss.detach(), torch.autograd.grad(loss.sum(), w)[0]


def _slope(loss: Loss, w: Tensor, v: Tensor, x: Tensor, y: Tensor, tangents: bool) -> Tensor:
    """S = <grad l, v>, to be differentiated with respect to w and x."""
    if not tangents:
        (grad,) = torch.autograd.grad(loss(w, x, y).sum(), w, create_graph=True)
        return torch.sum(grad * v)
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(loss(forward_ad.make_dual(w, v), x, y)).tangent.sum()


def tangents_exact(loss: Loss, theta: Tensor, x: Tensor, y: Tensor) -> bool:
    """Whether the operations of `loss` can be differentiated forward and then backward.

    PyTorch's fused LayerNorm and InstanceNorm, and BatchNorm on batch statistics, silently lose terms that way, and
    some operations refuse. Both ways are compared near `theta [nets, P]`, at `x [n, ...]`, `y [n]`, which should be
    float64: not at theta itself, where a last layer of zeros may hide what is lost.
    """
    v = torch.linspace(-1, 1, theta.numel(), dtype=theta.dtype).sin().view_as(theta)
    aside = torch.randn(theta.shape, dtype=theta.dtype, generator=generator(0, "aside"))
    w, x = (theta.detach() + 0.01 * aside).requires_grad_(), x.detach().requires_grad_()
    try:
        forward, backward = (torch.autograd.grad(_slope(loss, w, v, x, y, way), (w, x)) for way in (True, False))
    except Exception as error:  # no tangent for some operation, or a user's own forward that wants float32
        if ran_out(error):
            raise
        return False
    return all((a - b).norm() <= 1e-6 * b.norm() for a, b in zip(forward, backward, strict=True))


def refusal(loss: Loss, theta: Tensor, x: Tensor, y: Tensor, tangents: bool) -> str:
    """Why PyTorch cannot take a step back there, in one line, or nothing: some operations have no second derivative,
    and some no tangent on one device or in one precision alone.
    """
    try:
        _pull_back(loss, tangents, theta, torch.ones_like(theta), x, y)
    except RuntimeError as error:
        if ran_out(error):
            raise
        return reason(error)[:200]
    return ""
