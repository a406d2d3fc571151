"""What a step of training does with its gradient, and the adjoint of that.

A step at rate eta takes weights theta and moments to theta' and moments', by the gradient g = grad l(x, theta):

    gradient descent    theta' = theta - eta g                                        (Equation 9)
    momentum            m' = mu m + g               theta' = theta - eta m'
    Adam                m' = b1 m + (1 - b1) g      n' = b2 n + (1 - b2) g^2
                        theta' = theta - eta (m' / c1) / D      D = sqrt(n' / c2) + eps

All moments start from 0. In the t-th step, counted from 1, Adam's c1 = 1 - b1^t and c2 = 1 - b2^t.

Backward, v = dL/dtheta' is known, as are dL/dm' and dL/dn' by way of later steps (0 after the last step). Let
dL/dg = factor q and s = <grad l(x, theta), q>. Then, whatever the optimiser is,

    dL/dx = factor ds/dx        dL/dtheta = v + factor ds/dtheta

                        factor   q
    gradient descent    -eta     v                                     dL/deta = -s
    momentum            -eta     v - dL/dm' / eta                      dL/deta = -<m', v> = <theta' - theta, v> / eta
    Adam                1        (1 - b1) dm + 2 (1 - b2) g dn         dL/deta = -<m' / (c1 D), v>

with Adam's whole derivatives dm = dL/dm' - eta v / (c1 D) and dn = dL/dn' + eta v m' / (2 c1 D^2 sqrt(n' c2)), whose
last term is taken as 0 where n' = 0. Those of the moments before the step are, by way of this and later steps,

    momentum            dL/dm = -mu eta q
    Adam                dL/dm = b1 dm           dL/dn = b2 dn
"""

# ruff: noqa: ARG002 (all optimisers have the same signatures, and simple ones need less)

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

Moments = tuple[Tensor, ...]
"""What an optimiser carries from step to step besides the weights, each `[nets, P]`."""


class Point(NamedTuple):
    """Where a training is between two steps."""

    theta: Tensor
    """`[nets, P]`"""
    moments: Moments


class StepAdjoint(NamedTuple):
    """The adjoint of what an optimiser does with a gradient, in the words of the equations above."""

    q: Tensor
    factor: float
    d_lr: Tensor | None
    """dL/deta; None where it is -s."""
    d_moments: Moments
    """dL/dm and dL/dn, before the step."""


class Optimiser(ABC):
    """The two directions of a step. Rates are numbers; `number` counts steps from 1."""

    kept: ClassVar[int]
    """How many of its moments the adjoint needs."""

    @abstractmethod
    def zeros(self, theta: Tensor) -> Moments:
        """Moments before the first step and, for the backward pass, their derivatives after the last."""

    @abstractmethod
    def step(self, at: Point, g: Tensor, *, lr: float, number: int) -> Point:
        """Where the step with gradient `g [nets, P]` leads."""

    @abstractmethod
    def adjoint(
        self, v: Tensor, d_moments: Moments, before: Point, after: Point, *, lr: float, number: int
    ) -> StepAdjoint:
        """The adjoint of a step that led from `before` to `after`; of their moments, the first `kept` are there."""


@dataclass(frozen=True)
class GradientDescent(Optimiser):
    """Plain gradient descent, the paper's."""

    kept: ClassVar[int] = 0

    def zeros(self, theta: Tensor) -> Moments:
        """See `Optimiser`."""
        return ()

    def step(self, at: Point, g: Tensor, *, lr: float, number: int) -> Point:
        """See `Optimiser`."""
        return Point(torch.sub(at.theta, g, alpha=lr), ())

    def adjoint(
        self, v: Tensor, d_moments: Moments, before: Point, after: Point, *, lr: float, number: int
    ) -> StepAdjoint:
        """See `Optimiser`."""
        return StepAdjoint(v, -lr, None, ())


@dataclass(frozen=True)
class Momentum(Optimiser):
    """Gradient descent with momentum, as `torch.optim.SGD`. Its m' is known from theta' - theta."""

    mu: float
    kept: ClassVar[int] = 0

    def zeros(self, theta: Tensor) -> Moments:
        """See `Optimiser`."""
        return (torch.zeros_like(theta),)

    def step(self, at: Point, g: Tensor, *, lr: float, number: int) -> Point:
        """See `Optimiser`."""
        m = torch.add(g, at.moments[0], alpha=self.mu)
        return Point(torch.sub(at.theta, m, alpha=lr), (m,))

    def adjoint(
        self, v: Tensor, d_moments: Moments, before: Point, after: Point, *, lr: float, number: int
    ) -> StepAdjoint:
        """See `Optimiser`."""
        q = torch.sub(v, d_moments[0], alpha=1 / lr)
        return StepAdjoint(q, -lr, ((after.theta - before.theta) * v).sum() / lr, (-self.mu * lr * q,))


@dataclass(frozen=True)
class Adam(Optimiser):
    """Adam (Kingma and Ba 2015) with its usual constants, as `torch.optim.Adam`."""

    kept: ClassVar[int] = 2
    b1: ClassVar[float] = 0.9
    b2: ClassVar[float] = 0.999
    eps: ClassVar[float] = 1e-8

    def zeros(self, theta: Tensor) -> Moments:
        """See `Optimiser`."""
        return torch.zeros_like(theta), torch.zeros_like(theta)

    def step(self, at: Point, g: Tensor, *, lr: float, number: int) -> Point:
        """See `Optimiser`."""
        m, n = at.moments
        m, n = m.lerp(g, 1 - self.b1), (self.b2 * n).addcmul_(g, g, value=1 - self.b2)
        _, d = self._denominator(n, number)
        return Point(torch.addcdiv(at.theta, m, d, value=-lr / (1 - self.b1**number)), (m, n))

    def adjoint(
        self, v: Tensor, d_moments: Moments, before: Point, after: Point, *, lr: float, number: int
    ) -> StepAdjoint:
        """See `Optimiser`."""
        (m_before, _), (m, n) = before.moments, after.moments
        root, d = self._denominator(n, number)
        by_m = v / ((1 - self.b1**number) * d)  # -dL/dm' by way of this step alone, for a rate of 1
        dm = torch.sub(d_moments[0], by_m, alpha=lr)
        by_n = by_m * m / (2 * (1 - self.b2**number) * d * root)  # root c2 = sqrt(n' c2)
        dn = torch.add(d_moments[1], torch.where(root > 0, by_n, 0), alpha=lr)
        g = m_before + (m - m_before) / (1 - self.b1)
        q = (1 - self.b1) * dm + 2 * (1 - self.b2) * g * dn
        return StepAdjoint(q, 1.0, -(by_m * m).sum(), (self.b1 * dm, self.b2 * dn))

    def _denominator(self, n: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """sqrt(n' / c2), and D."""
        root = (n / (1 - self.b2**number)).sqrt()
        return root, root + self.eps
