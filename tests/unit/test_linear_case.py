"""Section 3.3: what the paper proves, checked on random problems."""

import pytest
import torch

from dd.distill.linear_case import (
    DistilledPairs,
    closed_form,
    initial_weights,
    learn,
    linear_case,
    lower_bound,
    random_problem,
    squared_error,
)

D, N = 6, 50


@pytest.fixture
def problem():
    return random_problem(N, D, seed=1)


@pytest.fixture
def theta():
    return initial_weights(D, 1)("held-out", range(4000)).double()


def test_minimum_has_no_gap_and_gap_is_a_difference_of_losses(problem, theta):
    def loss(w):
        return (problem.data @ w - problem.targets).square().mean() / 2

    expected = loss(theta[0]) - loss(problem.minimum)
    torch.testing.assert_close(problem.gap(theta[:1])[0], expected)
    assert problem.gap(problem.minimum.unsqueeze(0)).item() < 1e-20


@pytest.mark.parametrize("pairs", [D, D + 3])
def test_as_many_pairs_as_dimensions_reach_the_minimum_from_anywhere(problem, theta, pairs):
    assert problem.gap(closed_form(problem, pairs).step(100 * theta)).max() < 1e-16


@pytest.mark.parametrize("pairs", range(1, D))
def test_fewer_cannot(problem, theta, pairs):
    step = closed_form(problem, pairs).step
    assert problem.expected_gap(step) > lower_bound(problem, pairs) > 1e-3
    drawn = problem.gap(step(theta))
    assert abs(drawn.mean() - problem.expected_gap(step)) < 4 * drawn.std() / len(theta) ** 0.5


def test_the_bound_holds_for_any_pairs(problem):
    rng = torch.Generator().manual_seed(0)
    for pairs in range(1, D):
        for _ in range(20):
            data = torch.randn(pairs, D, generator=rng).double()
            distilled = DistilledPairs(data, data @ problem.minimum, 0.3)
            assert problem.expected_gap(distilled.step) > lower_bound(problem, pairs)


def test_the_papers_example_with_the_rate_of_equation_8(problem, theta):
    example = DistilledPairs(N * torch.eye(D).double(), N * problem.minimum, D / N**2)
    assert problem.gap(example.step(theta)).max() < 1e-16
    example.lr *= 1.1
    assert problem.gap(example.step(theta)).min() > 1e-8


def test_our_engine_finds_the_minimum_where_there_is_one(problem, theta):
    before = problem.gap(theta).mean()
    assert problem.gap(learn(squared_error(), problem, D, 600).step(theta)).mean() < 0.01 * before
    short = problem.expected_gap(learn(squared_error(), problem, 2, 600).step)
    assert lower_bound(problem, 2) < short < 1.3 * lower_bound(problem, 2)


def test_table_has_every_method():
    table = linear_case(dimension=3, sizes=[1, 3], problems=2, meta_steps=20)
    assert len(table) == 2 * 2 * 3
    exact = table[(table["method"] == "closed form") & (table["M"] == 3)]
    assert (exact["gap_max"] < 1e-12).all()
