import math
from functools import partial

import pytest
import torch
from torch import nn

from dd.distill.distilled_data import DistilledData
from dd.distill.loss import classification
from dd.distill.unroll import UnrollOptions, adjoint, descend
from dd.nets.alexcifar import LocalResponseNorm
from dd.nets.convnet import ConvNet3
from dd.nets.factory import build
from dd.nets.init_schemes import INIT_SCHEMES, flat_weights, initialise
from dd.nets.lenet import LeNet
from dd.nets.stacked import StackedNet
from dd.nets.stacked_layers import convolve_images
from dd.nets.trial import try_out
from dd.runtime.errors import UserError
from dd.runtime.seeds import derive, generator
from tests.conftest import TinyNet

SIZES = {
    "LeNet": (1, 28, 10),
    "AlexCifarNet": (3, 32, 10),
    "ConvNet3": (3, 32, 10),
    "ConvNet3Narrow": (1, 28, 10),
    "MLP": (1, 28, 10),
}


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("LeNet", 61_706),
        ("AlexCifarNet", 1_756_426),
        ("ConvNet3", 320_010),
        ("ConvNet3Narrow", 24_138),
        ("MLP", 118_282),
    ],
)
def test_number_of_weights(name, weights):
    assert sum(p.numel() for p in build(name, *SIZES[name]).parameters()) == weights


def test_lenet_weights_fit_28_and_32_pixels():
    small, large = LeNet(size=28), LeNet(size=32)
    large.load_state_dict(small.state_dict())
    x = torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(small(x), large(nn.functional.pad(x, (2, 2, 2, 2))))


def make(name):
    return partial(build, name, *SIZES[name])


@pytest.mark.parametrize("name", SIZES)
def test_stacked_net_is_the_module_net_by_net(name):
    channels, size, _ = SIZES[name]
    net, x = StackedNet(make(name)()), torch.randn(3, channels, size, size)
    modules = [initialise(make(name), "xavier", generator(0, index)) for index in range(3)]
    theta = torch.stack([flat_weights(module) for module in modules])
    expected = torch.stack([module(x).detach() for module in modules])
    torch.testing.assert_close(net.logits(theta, x), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(net.logits(theta[1:2], x)[0], expected[1])


@pytest.mark.parametrize("size", [1, 4, 5])
def test_local_response_norm_is_pytorchs(size):
    theirs = nn.LocalResponseNorm(size, alpha=0.3, beta=0.75, k=2)
    ours = LocalResponseNorm(7, size, alpha=0.3, k=2).double()
    x = (3 * torch.randn(2, 7, 4, 3, dtype=torch.float64)).requires_grad_()
    g, h = torch.randn_like(x), torch.randn_like(x)
    first, second = (torch.autograd.grad((layer(x) * g).sum(), x, create_graph=True)[0] for layer in (ours, theirs))
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(*(torch.autograd.grad((grad * h).sum(), x)[0] for grad in (first, second)))


class PublishedLeNet(LeNet):
    """The same network layer by layer, as papers draw it."""

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = nn.functional.max_pool2d(nn.functional.relu(conv(x)), 2)
        x = nn.functional.relu(self.fc1(x.flatten(1)))
        return self.fc3(nn.functional.relu(self.fc2(x)))


@pytest.mark.parametrize("nets", [1, 3])
@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_lenet_is_as_published_with_all_derivatives(channels, size, nets):
    ours, theirs = (StackedNet(module(channels, size).double()) for module in (LeNet, PublishedLeNet))
    assert (ours.stacks, theirs.stacks) == (True, False)
    random = torch.Generator().manual_seed(0)
    theta = 0.1 * torch.randn(nets, sum(ours.sizes), generator=random, dtype=torch.float64)
    images = torch.randn(2, 4, channels, size, size, generator=random, dtype=torch.float64)
    labels, lrs = torch.arange(4).expand(2, -1), torch.full((2, 2), 0.1, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours.logits(theta, images[0]), theirs.logits(theta, images[0]))
    results = []
    data = DistilledData(images, labels, lrs)
    for net, forward in ((ours, True), (ours, False), (theirs, False)):
        options = UnrollOptions(reverse_over_forward=forward)
        trajectory = descend(classification(net), theta, data)
        v = torch.ones_like(theta)
        results.append((trajectory.theta, *adjoint(classification(net), trajectory, v, data, options=options)))
    torch.testing.assert_close(results[0], results[2])
    torch.testing.assert_close(results[1], results[2])


class Squashed(LeNet):
    """Derived from a net that stacks, with another forward."""

    def forward(self, x):
        return super().forward(torch.tanh(x))


def test_a_derived_net_is_what_its_own_forward_says():
    net, x = StackedNet(Squashed()), torch.randn(3, 1, 28, 28)
    modules = [Squashed() for _ in range(2)]
    theta = torch.stack([flat_weights(module) for module in modules])
    expected = torch.stack([module(x) for module in modules])
    torch.testing.assert_close(net.logits(theta, x), expected, rtol=1e-4, atol=1e-5)
    labels, lrs, loss = torch.arange(3).expand(1, -1), torch.full((1, 1), 0.1), classification(net)
    results = []
    data = DistilledData(x.unsqueeze(0), labels, lrs)
    for forward in (True, False):
        options = UnrollOptions(reverse_over_forward=forward)
        trajectory = descend(loss, theta, data)
        results.append(adjoint(loss, trajectory, torch.ones_like(theta), data, options=options))
    torch.testing.assert_close(*results, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_convolution_of_images_has_all_derivatives(channels):
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, channels, 6, 6, generator=random, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2, channels, 3, 3, generator=random, dtype=torch.float64, requires_grad=True)
    function = partial(convolve_images, padding=1)
    assert torch.autograd.gradcheck(function, (x, weight), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(function, (x, weight), check_fwd_over_rev=True, check_rev_over_rev=True)
    torch.testing.assert_close(function(x, weight), nn.functional.conv2d(x, weight.flatten(0, 1), padding=1))


@pytest.mark.parametrize(("scheme", "std"), [("xavier", math.sqrt(2 / (400 + 120))), ("he", math.sqrt(2 / 400))])
def test_normal_schemes(scheme, std):
    module = initialise(make("LeNet"), scheme, generator(0, "test"))
    assert module.fc1.weight.std().item() == pytest.approx(std, rel=0.02)
    assert module.fc1.weight.mean().item() == pytest.approx(0, abs=3 * std / math.sqrt(48_000))
    assert all(not p.any() for name, p in module.named_parameters() if name.endswith("bias"))


def test_default_law_is_pytorchs_own():
    torch.manual_seed(derive(generator(0, "test").initial_seed(), "class"))
    expected = LeNet()
    module = initialise(make("LeNet"), "default", generator(0, "test"))
    for ours, theirs in zip(module.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours, theirs)


class Own(nn.Module):
    """A user's network with weights that no scheme knows, and a random buffer."""

    def __init__(self, channels, size, classes):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(channels, 1, 1))
        self.register_buffer("noise", torch.randn(size, size))
        self.out = nn.Linear(channels * size * size, classes)

    def forward(self, x):
        return self.out((self.scale * x + self.noise).flatten(1))


@pytest.mark.parametrize("scheme", INIT_SCHEMES)
@pytest.mark.parametrize("name", ["LeNet", "tests.unit.test_nets:Own"])
def test_all_weights_come_from_the_seed_alone(scheme, name):
    own = partial(build, name, 1, 28, 10)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = (
        [p.detach() for p in initialise(own, scheme, generator(1, stream)).parameters()] for stream in "aab"
    )
    assert torch.equal(before, torch.get_rng_state())
    assert all(map(torch.equal, first, again))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True) if a.any())
    assert all(torch.equal(a, b) for a, b in zip(own().buffers(), own().buffers(), strict=True))


def test_a_scheme_draws_other_numbers_than_the_class():
    """Or weights that no scheme knows would be those of the first layer again."""

    class Equal(nn.Module):
        def __init__(self):
            super().__init__()
            self.own, self.layer = nn.Parameter(torch.randn(100)), nn.Linear(10, 10)

    def make(seed):
        torch.manual_seed(seed)
        return Equal()

    own, weight, _ = (p.detach().flatten() for p in initialise(make, "xavier", generator(0, "test")).parameters())
    assert torch.corrcoef(torch.stack([own, weight]))[0, 1].abs() < 0.5


def test_a_users_own_network():
    net = build("tests.conftest:TinyNet", 3, 8, 5)
    assert isinstance(net, TinyNet)
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("LeNett", "use one of LeNet, AlexCifarNet, .*, ResNet18BN, or your own"),
        ("nowhere.at.all:Net", "PYTHONPATH"),
        ("tests.conftest:Nothing", "Nothing"),
        ("LeNet", "28 or 32"),
        ("textwrap:dedent", "channels"),
        (":Net", "or your own as package.module:Class"),
        ("tests.unit.test_network_checks:Raising", "test_network_checks:Raising: KeyError: 'no such key'"),
        ("tests.unit.test_network_checks:Missing", "^install it$"),
        ("tests.unit.test_network_checks:no_network", "makes a dict; must be a torch.nn.Module"),
        ("builtins:dict", "is no torch.nn.Module, nor a function that makes one"),
        ("half_written:Net", "half_written:Net': SyntaxError: .*line 1"),
    ],
)
def test_refused_networks(name, cure, tmp_path, monkeypatch):
    (tmp_path / "half_written.py").write_text("class Net(")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=cure):
        build(name, 1, 30, 10)


@pytest.mark.parametrize(("size", "pixels"), [(8, 1), (9, 1), (28, 16), (32, 16), (40, 25)])
def test_convnet_takes_images_of_any_size_from_8(size, pixels):
    net = build("ConvNet3", 1, size, 5)
    assert net.classifier.in_features == 128 * pixels
    try_out(net, "ConvNet3", 1, size, 5)
    with pytest.raises(UserError, match="at least 8 pixels, not 7"):
        build("ConvNet3", 1, 7, 5)


def test_a_subclass_of_convnet3_has_another_width():
    class Wide(ConvNet3):
        width = 160

    net = Wide(1, 28, 10)
    shapes = [tuple(module.weight.shape) for module in net.modules() if hasattr(module, "weight")]
    assert shapes == [(160, 1, 3, 3), (160,), (160, 160, 3, 3), (160,), (160, 160, 3, 3), (160,), (10, 160 * 16)]
    assert net(torch.randn(2, 1, 28, 28)).shape == (2, 10)


def test_convnet_normalises_each_image_by_itself():
    net, x = build("ConvNet3", 3, 16, 10), torch.randn(4, 3, 16, 16)
    normalised = net.features[:2](5 * x + 3)
    torch.testing.assert_close(normalised.mean((2, 3)), torch.zeros(4, 128), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalised.var((2, 3), correction=0), torch.ones(4, 128), atol=1e-3, rtol=0)
