import math

import pytest
import torch
from torch import nn

from dd.distill.config import DistillConfig
from dd.nets import NETS, build
from dd.nets.init import LAWS, initialise
from dd.nets.stacked import StackedNet
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator
from tests.conftest import TinyNet

SIZES = {"LeNet": (1, 28, 10), "AlexCifarNet": (3, 32, 10)}


@pytest.mark.parametrize(("name", "weights"), [("LeNet", 61_706), ("AlexCifarNet", 1_756_426)])
def test_number_of_weights(name, weights):
    assert sum(p.numel() for p in build(name, *SIZES[name]).parameters()) == weights


def test_lenet_weights_fit_28_and_32_pixels():
    small, large = NETS["LeNet"](size=28), NETS["LeNet"](size=32)
    large.load_state_dict(small.state_dict())
    x = torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(small(x), large(nn.functional.pad(x, (2, 2, 2, 2))))


@pytest.mark.parametrize("name", NETS)
def test_stacked_net_is_the_module_net_by_net(name):
    channels, size, classes = SIZES[name]
    module = build(name, channels, size, classes)
    net = StackedNet(build(name, channels, size, classes))
    x, rows, expected = torch.randn(3, channels, size, size), [], []
    for index in range(3):
        initialise(module, "xavier", generator(0, index))
        rows.append(net.flat(dict(module.named_parameters())))
        expected.append(module(x).detach())
    torch.testing.assert_close(net.logits(torch.stack(rows), x), torch.stack(expected), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(net.logits(rows[1].unsqueeze(0), x)[0], expected[1])
    net.load(module, rows[0])
    torch.testing.assert_close(module(x), expected[0])


@pytest.mark.parametrize(("law", "std"), [("xavier", math.sqrt(2 / (400 + 120))), ("he", math.sqrt(2 / 400))])
def test_normal_laws(law, std):
    module = initialise(build("LeNet", 1, 28, 10), law, generator(0, "test"))
    assert module.fc1.weight.std().item() == pytest.approx(std, rel=0.02)
    assert module.fc1.weight.mean().item() == pytest.approx(0, abs=3 * std / math.sqrt(48_000))
    assert all(not p.any() for name, p in module.named_parameters() if name.endswith("bias"))


def test_default_law_is_pytorchs_own():
    torch.manual_seed(generator(0, "test").initial_seed())
    expected = build("LeNet", 1, 28, 10)
    module = initialise(build("LeNet", 1, 28, 10), "default", generator(0, "test"))
    for ours, theirs in zip(module.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("law", LAWS)
def test_laws_draw_from_their_generator_only(law):
    module = build("LeNet", 1, 28, 10)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = [p.clone() for p in initialise(module, law, generator(1, "a")).parameters()]
    again = [p.clone() for p in initialise(module, law, generator(1, "a")).parameters()]
    other = [p.clone() for p in initialise(module, law, generator(1, "b")).parameters()]
    assert torch.equal(before, torch.get_rng_state())
    assert all(map(torch.equal, first, again))
    assert not all(map(torch.equal, first, other))


def test_config_knows_the_laws():
    (law,) = (f for f in DistillConfig.__dataclass_fields__.values() if f.name == "init_law")
    assert set(law.metadata["choices"]) == set(LAWS)


def test_a_users_own_network():
    net = build("tests.conftest:TinyNet", 3, 8, 5)
    assert isinstance(net, TinyNet)
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("LeNett", "LeNet, AlexCifarNet, or your own"),
        ("nowhere.at.all:Net", "PYTHONPATH"),
        ("tests.conftest:Nothing", "Nothing"),
        ("LeNet", "28 or 32"),
        ("math:sqrt", "channels"),
    ],
)
def test_refused_networks(name, cure):
    with pytest.raises(UserError, match=cure):
        build(name, 1, 30, 10)
