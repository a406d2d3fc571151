"""Section 3.3: distilled data for least squares, where exact results are known.

The loss of weights theta on data d [N, D] and targets t [N] is |d theta - t|^2 / 2N (Equation 5). M pairs and one
learning rate are distilled. Training is one GD step from any initial weights, here theta_0 ~ N(0, I).

The paper gives an example of data that reach the global minimum, d~ = N I and t~ = N theta*, but not the rate. From
I - (eta / M) d~' d~ = 0 (Equation 8) with M = D it is eta = D / N^2.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from dd.distill.distilled_data import DistilledData
from dd.distill.initial_weights import Draw
from dd.distill.loss import Loss
from dd.distill.settings import DistillConfig
from dd.distill.trainer import Trainer
from dd.distill.unroll import train
from dd.runtime.seeds import generator

HELD_OUT = 1000
"""The number of initial weights on which a result is measured."""


@dataclass
class LeastSquares:
    """A problem: data `[N, D]` and targets `[N]`."""

    data: Tensor
    targets: Tensor

    @property
    def minimum(self) -> Tensor:
        """The weights theta* `[D]` with the smallest loss."""
        return torch.linalg.lstsq(self.data, self.targets.unsqueeze(1)).solution.squeeze(1)

    @property
    def hessian(self) -> Tensor:
        """The Hessian of the loss, d'd / N, `[D, D]`."""
        return self.data.T @ self.data / len(self.data)

    def gap(self, theta: Tensor) -> Tensor:
        """The loss of each row of `theta [nets, D]` minus the smallest loss, `[nets]`."""
        distance = theta - self.minimum
        return ((distance @ self.hessian) * distance).sum(1) / 2

    def expected_gap(self, move: Callable[[Tensor], Tensor]) -> float:
        """The mean gap after `move`, an affine map of the rows of `theta [nets, D]`, over all theta ~ N(0, I).

        With move(theta) = R theta + b it is gap(b) + tr(R' H R) / 2, where H is the Hessian: exact, nothing is drawn.
        """
        size = len(self.minimum)
        b = move(self.data.new_zeros(1, size))
        columns = move(torch.eye(size, dtype=self.data.dtype)) - b
        return (self.gap(b).sum() + self.gap(self.minimum + columns).sum()).item()

    def batch(self, _index: int) -> tuple[Tensor, Tensor]:
        """The whole problem as a real batch: pairs `[N, D + 1]` with the target last, and labels that are not used."""
        pairs = torch.cat([self.data, self.targets.unsqueeze(1)], 1).float()
        return pairs, torch.zeros(len(pairs), dtype=torch.long)


@dataclass
class DistilledPairs:
    """M pairs and a learning rate."""

    data: Tensor
    """`[M, D]`."""
    targets: Tensor
    """`[M]`."""
    lr: float

    def step(self, theta: Tensor) -> Tensor:
        """Each row of `theta [nets, D]` after one GD step (Equation 6)."""
        pairs = torch.cat([self.data, self.targets.unsqueeze(1)], 1)
        unused_labels = torch.zeros(1, len(pairs), dtype=torch.long)
        lrs = torch.tensor([[self.lr]], dtype=theta.dtype)
        return train(squared_error(), theta, DistilledData(pairs.unsqueeze(0), unused_labels, lrs))


def squared_error() -> Loss:
    """Equation 5 as a loss of the engine: `theta [nets, D]`, `pairs [n, D + 1]` with the target last, to `[nets]`."""
    return Loss(_residuals, _half_mean_square, traceable=True)


def _residuals(theta: Tensor, pairs: Tensor) -> Tensor:
    """Predictions minus targets, `[nets, n]`."""
    return theta @ pairs[:, :-1].T - pairs[:, -1]


def _half_mean_square(residuals: Tensor, _labels: Tensor) -> Tensor:
    return residuals.square().mean(1) / 2


def random_problem(size: int, dimension: int, seed: int) -> LeastSquares:
    """Correlated Gaussian data `[size, dimension]` with noisy linear targets."""
    rng = generator(seed, "least squares")
    mix, theta = torch.randn(dimension, dimension, generator=rng), torch.randn(dimension, generator=rng)
    data = torch.randn(size, dimension, generator=rng).double() @ mix.double() / dimension**0.5
    return LeastSquares(data, data @ theta.double() + 0.1 * torch.randn(size, generator=rng).double())


def closed_form(problem: LeastSquares, pairs: int) -> DistilledPairs:
    """Pairs that reach the global minimum from any weights (Equation 8); M < D pairs reach it in M directions.

    The rows are eigenvectors of d'd, those of the largest eigenvalues first, with zeros after the first D. The targets
    are the predictions of theta* for them. With eta = M, (eta / M) d~' d~ projects onto these eigenvectors.
    """
    _, vectors = torch.linalg.eigh(problem.hessian)
    rows = vectors.T.flip(0)[:pairs]
    data = torch.cat([rows, rows.new_zeros(pairs - len(rows), rows.shape[1])])
    return DistilledPairs(data, data @ problem.minimum, float(pairs))


def lower_bound(problem: LeastSquares, pairs: int) -> float:
    """A lower bound of the expected gap over theta_0 ~ N(0, I), for any `pairs` pairs and rate.

    After a step, theta - theta* = (I - A) theta_0 + (b - theta*), and [A, b] has at most rank M. So the expected gap is
    at least half the squared distance of H^(1/2) [I, theta*] to matrices of that rank (Eckart and Young 1936).
    """
    values, vectors = torch.linalg.eigh(problem.hessian)
    root, star = vectors * values.clamp(min=0).sqrt(), problem.minimum
    spread = torch.eye(len(star), dtype=star.dtype) + torch.outer(star, star)
    # eigenvalues are in ascending order, so that the largest come last
    return torch.linalg.eigvalsh(root.T @ spread @ root)[: max(0, len(star) - pairs)].sum().item() / 2


def initial_weights(dimension: int, seed: int) -> Draw:
    """A function that draws theta_0 ~ N(0, I)."""

    def draw(stream: str, indices: Iterable[int]) -> Tensor:
        return torch.stack([torch.randn(dimension, generator=generator(seed, "theta", stream, i)) for i in indices])

    return draw


def learn(loss: Loss, problem: LeastSquares, pairs: int, meta_steps: int, seed: int = 0) -> DistilledPairs:
    """Algorithm 1 on this problem, with learned targets; `loss` is the `squared_error`, with its traces."""
    dimension = problem.data.shape[1]
    config = DistillConfig(
        steps=1,
        epochs=1,
        nets=16,
        image_std=1.0,
        distill_lr=0.5,
        seed=seed,
        meta_steps=meta_steps,
        meta_lr=0.03,
        meta_beta1=0.9,
        schedule="cosine",
    )
    initial = initial_weights(dimension, seed)
    trainer = Trainer(config, loss, initial, problem, image_shape=(dimension + 1,), classes=pairs)
    for _ in range(meta_steps):
        trainer.step()
    learned = trainer.learned.data()
    rows = learned.images[0].double()
    return DistilledPairs(rows[:, :-1], rows[:, -1], learned.lrs.item())


def linear_case(
    *,
    dimension: int,
    sizes: list[int],
    problems: int,
    meta_steps: int,
    on_one: Callable[[], object] = lambda: None,
    data_size: int = 200,
) -> pd.DataFrame:
    """The gap after one GD step for each M, by the closed form and by Algorithm 1, over many initial weights.

    Args:
        dimension: D.
        sizes: values of M.
        problems: number of random problems.
        meta_steps: meta-steps of Algorithm 1.
        on_one: called whenever one M of one problem is done.
        data_size: N.

    Returns:
        One row for each problem, M and method (`closed form`, `learned`, `lower bound`). gap is the expected gap and
        gap_max the greatest over `HELD_OUT` initial weights, as shares of the expected gap before the step. The lower
        bound has no greatest, because it is a bound of the expected gap.
    """
    rows, loss = [], squared_error()
    for seed in range(problems):
        problem = random_problem(data_size, dimension, seed)
        theta = initial_weights(dimension, seed)("held-out", range(HELD_OUT)).double()
        before = problem.expected_gap(lambda weights: weights)
        for pairs in sizes:
            for method, distilled in (
                ("closed form", closed_form(problem, pairs)),
                ("learned", learn(loss, problem, pairs, meta_steps, seed)),
            ):
                gap, greatest = problem.expected_gap(distilled.step), problem.gap(distilled.step(theta)).max().item()
                rows.append([seed, dimension, pairs, method, gap / before, greatest / before])
            rows.append([seed, dimension, pairs, "lower bound", lower_bound(problem, pairs) / before, None])
            on_one()
    return pd.DataFrame(rows, columns=["problem", "D", "M", "method", "gap", "gap_max"])
