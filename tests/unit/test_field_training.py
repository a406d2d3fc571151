"""Training as the field does: how long it is, and that it says so."""

from dataclasses import replace

import pytest
import torch

from dd.data.prepared import load
from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.initial_weights import RandomInitial
from dd.distill.loss import classification
from dd.evaluation import field_training
from dd.evaluation.made_for import for_net
from dd.evaluation.plain_nets import trained
from dd.evaluation.protocols import PROTOCOLS
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
    found = field_training.train(distilled, loss, theta, protocol="whole", passes=passes)
    weights = theta.clone()
    sgd = torch.optim.SGD([weights], lr=0.01, momentum=0.9, weight_decay=5e-4)
    for _ in range(passes):
        x, y = distilled.images[0], distilled.labels[0]
        _, weights.grad = value_and_gradient_in_chunks(loss, weights, x, y)
        sgd.step()
    assert torch.allclose(found, weights, atol=1e-6)
    assert not torch.equal(found, theta)


@pytest.mark.parametrize("shown", [True, False])
def test_a_training_that_takes_long_says_how_far_it_is(dataset, monkeypatch, capsys, shown):
    monkeypatch.setattr("dd.runtime.progress.LOG_SECONDS", 0 if shown else 15)
    distilled = real_set(dataset)
    loss, theta = classification(StackedNet(distilled.make())), RandomInitial(distilled.make, "default", 0)("test", [0])
    field_training.train(distilled, loss, theta, protocol="dc")
    assert ("301/301 epochs" in capsys.readouterr().err) == shown


@pytest.mark.parametrize("protocol", ["native", "dc"])
@pytest.mark.parametrize("own", [True, False])
def test_batch_norm_is_by_the_minibatch_but_for_the_network_of_the_set(dataset, protocol, own):
    name = "tests.conftest:Normed"
    distilled = for_net(real_set(dataset), name)
    if own:
        distilled = replace(distilled, info={key: value for key, value in distilled.info.items() if key != "made_for"})
    net = StackedNet(distilled.make())
    [(module, _)] = trained(distilled, net, classification(net), distilled.initial()("test", [0]), PROTOCOLS[protocol])
    by_minibatch = bool(module.batch_norms[0].running_mean.any())
    assert by_minibatch == (protocol == "dc" or not own)
