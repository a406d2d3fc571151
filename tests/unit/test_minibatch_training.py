"""Training as the field does: how long it is, and that it says so."""

from dataclasses import replace

import pytest
import torch

from dd.api.distilled_set import DistilledSet
from dd.data.prepared import load
from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.initial_weights import RandomInitial
from dd.distill.loss import classification
from dd.evaluation import minibatch_training
from dd.evaluation.plain_nets import nets_for, trained
from dd.evaluation.protocols import PROTOCOLS
from dd.nets.stacked import StackedNet
from dd.runtime.errors import UserError
from tests.conftest import Normed
from tests.unit.test_judge import real_set


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


@pytest.mark.parametrize("passes", [1, 2])
def test_as_many_passes_as_asked_for(dataset, passes):
    """A set of fewer images than a minibatch has: each pass is one step of SGD."""
    distilled = real_set(dataset)
    loss, theta = classification(StackedNet(distilled.make())), RandomInitial(distilled.make, "default", 0)("test", [0])
    found = minibatch_training.train(distilled, loss, theta, protocol="whole", passes=passes)
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
    minibatch_training.train(distilled, loss, theta, protocol="dc")
    assert ("301/301 epochs" in capsys.readouterr().err) == shown


@pytest.mark.parametrize(
    ("name", "classes", "flipped"),
    [
        ("usps_28", "0123456789", False),
        ("usps_28", "abcdefghij", True),
        ("data", "0123456789", True),  # given in Python without names of classes
        ("data", ["0 - zero", *(f"{digit} - text" for digit in range(1, 10))], False),  # of torchvision
    ],
)
def test_digits_are_not_flipped_whatever_their_dataset_is_called(dataset, monkeypatch, name, classes, flipped):
    asked = []
    monkeypatch.setattr(minibatch_training, "dsa_augmentation", lambda *, flip: asked.append(flip))
    distilled = real_set(dataset)
    named = distilled.info["dataset"] | {"name": name}
    minibatch_training.training(
        replace(distilled, info=distilled.info | {"dataset": named, "classes": [*classes]}), "dsa"
    )
    assert asked == [flipped]


NORMED = "tests.conftest:Normed"


def set_of(dataset, net, *, imported=False):
    """Real images as a set that was distilled for a network, by us or others."""
    distilled = real_set(dataset)
    info = distilled.info | {"config": distilled.info["config"] | {"net": net}}
    if not imported:
        del info["imported_from"]
    return replace(distilled, info=info)


@pytest.mark.parametrize("protocol", ["native", "dc"])
@pytest.mark.parametrize(("distilled_for", "imported"), [(NORMED, False), (NORMED, True), ("MLP", False)])
def test_batch_norm_is_by_the_minibatch_but_for_the_network_of_the_set(dataset, protocol, distilled_for, imported):
    distilled = set_of(dataset, distilled_for, imported=imported)
    made, initial = nets_for(distilled, NORMED, PROTOCOLS[protocol], random_init=True)
    net = StackedNet(made.make())
    [(module, _)] = trained(made, net, classification(net), initial("test", [0]), PROTOCOLS[protocol])
    as_distilled = protocol == "native" and distilled_for == NORMED and not imported
    assert bool(module.batch_norms[0].running_mean.any()) != as_distilled
    if protocol == "native" and not as_distilled:  # its norm is of the images themselves
        mean = made.images.mean((0, 1, 3, 4))
        torch.testing.assert_close(module.batch_norms[0].running_mean, mean)
        assert module.batch_norms[0].momentum == 0.1


@pytest.mark.parametrize("protocol", ["native", "dc"])
@pytest.mark.parametrize("distilled_for", [NORMED, "MLP"])
def test_python_trains_a_network_given_or_new_by_the_same_rule(dataset, protocol, distilled_for):
    distilled = DistilledSet.of(set_of(dataset, distilled_for))
    given = Normed(1, 28, 10)
    for net in (Normed, given, given):  # after it, in evaluation mode, which makes no other network of it
        norm = distilled.train(net, protocol=protocol).norm
        assert bool(norm.running_mean.any()) != (protocol == "native" and distilled_for == NORMED)
        assert not norm.training


@pytest.mark.parametrize(("protocol", "images"), [("native", 1), ("dc", 257)])
def test_a_minibatch_of_one_image_has_no_statistics(dataset, protocol, images):
    distilled = real_set(dataset)
    first = distilled.images[:, :1].expand(1, images, 1, 28, 28)
    distilled = replace(distilled, images=first, labels=torch.zeros(1, images).long())
    made, initial = nets_for(distilled, "tests.unit.test_minibatch_training:Flat", PROTOCOLS[protocol])
    net = StackedNet(made.make())
    with pytest.raises(UserError, match=r"Flat: Expected more than 1 value per channel.*; take one without"):
        trained(made, net, classification(net), initial("test", [0]), PROTOCOLS[protocol])


class Flat(torch.nn.Sequential):
    """A network that normalises features, of which an image has one value each."""

    def __init__(self):
        super().__init__(torch.nn.Flatten(), torch.nn.BatchNorm1d(784), torch.nn.Linear(784, 10))
