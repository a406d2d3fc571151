"""Training as the field does: how long it is, and that it says so."""

import pytest
import torch

from dd.data.prepared import load
from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.initial_weights import RandomInitial
from dd.distill.loss import classification
from dd.evaluation import field_training
from dd.nets.stacked import StackedNet
from tests.unit.test_judge import real_set


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


@pytest.mark.parametrize("passes", [1, 2])
def test_as_many_passes_as_asked_for(dataset, passes):
    """A set of fewer images than a minibatch has: each pass is one step of SGD."""
    distilled = real_set(dataset)
    loss, theta = classification(StackedNet(distilled.make())), RandomInitial(distilled.make, "default", 0)("test", [0])
    trained = field_training.train(distilled, loss, theta, protocol="whole", passes=passes)
    weights = theta.clone()
    sgd = torch.optim.SGD([weights], lr=0.01, momentum=0.9, weight_decay=5e-4)
    for _ in range(passes):
        x, y = distilled.images[0], distilled.labels[0]
        _, weights.grad = value_and_gradient_in_chunks(loss, weights, x, y)
        sgd.step()
    assert torch.allclose(trained, weights, atol=1e-6)
    assert not torch.equal(trained, theta)


@pytest.mark.parametrize("shown", [True, False])
def test_a_training_that_takes_long_says_how_far_it_is(dataset, monkeypatch, capsys, shown):
    monkeypatch.setattr("dd.runtime.progress.LOG_SECONDS", 0 if shown else 15)
    distilled = real_set(dataset)
    loss, theta = classification(StackedNet(distilled.make())), RandomInitial(distilled.make, "default", 0)("test", [0])
    field_training.train(distilled, loss, theta, protocol="dc")
    assert ("301/301 epochs" in capsys.readouterr().err) == shown
