"""`.train`: a network, given or new, on a set by any protocol."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import dd
from dd.runtime.errors import UserError
from tests.unit.test_python import FAST, Table


@pytest.fixture(scope="module")
def distilled():
    """Of a table `[N, 5]` of two classes."""
    x = torch.randn(80, 5, generator=torch.Generator().manual_seed(0))
    return dd.distill(x, (x[:, 0] > 0).long(), Table, **FAST)


@pytest.mark.parametrize("protocol", ["native", "dc"])
def test_any_protocol_trains_a_network_given_or_new(distilled, protocol):
    torch.manual_seed(0)
    given = Table((5,), 2)
    images, labels = distilled.as_dataset().tensors
    before = nn.functional.cross_entropy(given(images), labels)
    assert distilled.train(given, protocol=protocol) is given
    assert nn.functional.cross_entropy(given(images), labels) < before
    new = distilled.train(Table, protocol=protocol)
    assert protocol == "native" or nn.functional.cross_entropy(new(images), labels) < 0.6


@pytest.mark.parametrize("protocol", ["native", "dc"])
def test_a_new_one_that_does_not_fit_is_refused(distilled, protocol):
    for make in (lambda: nn.Linear(5, 1), lambda: nn.Linear(4, 2)):
        with pytest.raises(UserError, match=r"net .*lambda"):
            distilled.train(make, protocol=protocol)


def test_a_set_without_rates_trains_by_dc_and_running_statistics_come_along(distilled):
    bare = replace(distilled, lrs=distilled.lrs[:0], info=distilled.info | {"imported_from": {"file": "theirs.pt"}})
    net = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 2))
    with pytest.raises(UserError, match=r"theirs.pt has no learning rates of its own.*--protocol dc"):
        bare.train(net)
    bare.train(net, protocol="dc")
    assert net[0].running_mean.any()
    assert net[0].num_batches_tracked == 301


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Linear(3, 2), r"net Linear: fails on images \[2, 5\]"),
        (nn.Linear(5, 4), r"net Linear: returns \[2, 4\] for 2 images of 2 classes; must be \[2, 2\]"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(distilled, net, message):
    before = net.weight.clone()
    with pytest.raises(UserError, match=message):
        distilled.train(net)
    assert net.weight.equal(before)
