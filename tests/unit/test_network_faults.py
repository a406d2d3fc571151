"""Networks of users that would be trained wrongly without a word: each is refused in one line, or got right."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from dd.nets.factory import build
from dd.nets.init_schemes import flat_weights, initialise
from dd.nets.stacked import StackedNet
from dd.nets.trial import try_out
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


class Plain(nn.Module):
    """A linear layer on 8x8 images of three classes."""

    def __init__(self, **_):
        super().__init__()
        self.out = nn.Linear(64, 3)

    def forward(self, x):
        return self.out(x.flatten(1))


class Frozen(Plain):
    def __init__(self, **_):
        super().__init__()
        self.out.bias.requires_grad_(False)


class Double(Plain):
    def __init__(self, **_):
        super().__init__()
        self.double()


class Complex(Plain):
    def __init__(self, **_):
        super().__init__()
        self.filter = nn.Parameter(torch.ones(8, 5, dtype=torch.cfloat))


class Compiled(Plain):
    def __init__(self, **_):
        super().__init__()
        self.out = torch.jit.script(self.out)


class Lazy(Plain):
    def __init__(self, **_):
        super().__init__()
        self.out = nn.LazyLinear(3)


class Nowhere(Plain):
    def __init__(self, **_):
        super().__init__()
        self.to("meta")


class Expanded(Plain):
    def __init__(self, **_):
        super().__init__()
        self.out.weight = nn.Parameter(torch.zeros(1, 64).expand(3, 64))


class Nothing(nn.Flatten):
    def __init__(self, **_):
        super().__init__()


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Frozen, r"out.bias has requires_grad=False.*register_buffer"),
        (Double, r"out.weight is torch.float64; weights must be torch.float32"),
        (Complex, r"filter is torch.complex64; weights must be torch.float32"),
        (Compiled, r"is compiled by torch.jit"),
        (Lazy, r"has lazy layers, .*; give them their input sizes"),
        (Nowhere, r"out.weight is on meta; build it on the CPU"),
        (Expanded, r"numbers of out.weight share one place in memory; add .clone\(\)"),
        (Nothing, r"has no weights to train"),
    ],
)
def test_weights_that_cannot_be_trained_are_refused_when_they_are_built(network, message):
    name = f"{__name__}:{network.__name__}"
    with pytest.raises(UserError, match=f"net {name}: {message}"):
        build(name, 1, 8, 3)


class WithoutGradient(Plain):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class WithoutGradientOfImages(Plain):
    def forward(self, x):
        return super().forward(x.detach())


class WithoutGradientOfWeights(Plain):
    def forward(self, x):
        return nn.functional.linear(x.flatten(1), self.out.weight.data, self.out.bias)


class InPlace(Plain):
    def forward(self, x):
        return super().forward(x.mul_(2))


class InPlaceAtTimes(Plain):
    def forward(self, x):
        return super().forward(x.clamp_(-100, 100))


class InPlaceInTraining(Plain):
    def forward(self, x):
        return super().forward(x.sub_(1) if torch.is_grad_enabled() else x - 1)


class Started(Plain):
    """ActNorm: the first images decide its scale."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.register_buffer("started", torch.tensor(False))

    def forward(self, x):
        y = super().forward(x)
        if not self.started:
            self.scale.data.copy_(1 / y.std(0))
            self.started.fill_(True)
        return self.scale * y


class Limited(Plain):
    def forward(self, x):
        with torch.no_grad():
            self.out.weight.clamp_(-100, 100)
        return super().forward(x)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (WithoutGradient, r"cannot be trained with weights from outside.*torch.no_grad"),
        (WithoutGradientOfImages, r"its logits have no gradient with respect to the images; leave out .*detach"),
        (WithoutGradientOfWeights, r"its logits depend on out.weight, but have no gradient of it; leave out"),
        (InPlace, r"changes its input"),
        (InPlaceAtTimes, r"changes its input"),
        (InPlaceInTraining, r"changes its input"),
        (Started, r"its forward changes scale"),
        (Limited, r"its forward changes out.weight"),
    ],
)
def test_what_cannot_be_trained_is_refused(module, message):
    with pytest.raises(UserError, match=f"net own: {message}"):
        try_out(module(), "own", 1, 8, 3)


def seeded(module):
    def make(seed):
        torch.manual_seed(seed)
        return module()

    return make


def test_a_scheme_draws_the_weights_of_a_parametrised_layer():
    def make(seed):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(400, 120)))

    module = initialise(make, "he", generator(0, "x"))
    assert module[1].weight.std().item() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert not torch.equal(flat_weights(module), flat_weights(initialise(make, "xavier", generator(0, "x"))))


@pytest.mark.filterwarnings("ignore:.*weight_norm")
@pytest.mark.parametrize("wrap", [weight_norm, parametrizations.orthogonal], ids=["by hooks", "orthogonal"])
def test_a_scheme_that_has_no_effect_is_refused(wrap):
    with pytest.raises(UserError, match=r"init_scheme: .* use (torch.nn.utils|init_scheme default)"):
        initialise(seeded(lambda: nn.Sequential(wrap(nn.Linear(64, 3)))), "he", generator(0, "x"))


def test_weights_in_another_order_in_memory_are_those_of_the_network():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 3))
    x = torch.randn(2, 3, 8, 8)
    expected = module(x)
    module = module.to(memory_format=torch.channels_last)
    theta = flat_weights(module)
    assert torch.allclose(StackedNet(module).logits(theta.unsqueeze(0), x)[0], expected, atol=1e-6)


def test_a_module_that_exits_on_import_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match="net 'leaving:Net': SystemExit: 3"):
        build("leaving:Net", 1, 8, 3)


class OutOfMemory(Plain):
    def forward(self, x):
        raise torch.OutOfMemoryError(f"no memory for {len(x)} images")


def test_out_of_memory_is_not_taken_for_an_operation_without_vmap():
    net = StackedNet(OutOfMemory())
    with pytest.raises(torch.OutOfMemoryError, match="no memory for 1 images"):
        net.logits(torch.zeros(2, 64 * 3 + 3), torch.zeros(1, 1, 8, 8))
    assert net._vmaps is None
