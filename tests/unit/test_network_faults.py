"""Networks of users that would be trained wrongly without a word: each is refused in one line, or got right."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from dd.nets.factory import check_reproducible, try_out
from dd.nets.init_schemes import flat_weights, initialise
from dd.nets.stacked import StackedNet
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


class Plain(nn.Module):
    """A linear layer on 8x8 images of three classes."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(64, 3)

    def forward(self, x):
        return self.out(x.flatten(1))


class Frozen(Plain):
    def __init__(self):
        super().__init__()
        self.out.bias.requires_grad_(False)


class WithoutGradient(Plain):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class Double(Plain):
    def __init__(self):
        super().__init__()
        self.double()

    def forward(self, x):
        return super().forward(x.double()).float()


class Compiled(Plain):
    def __init__(self):
        super().__init__()
        self.out = torch.jit.script(self.out)


class InPlace(Plain):
    def forward(self, x):
        return super().forward(x.mul_(2))


class Complex(Plain):
    def __init__(self):
        super().__init__()
        self.filter = nn.Parameter(torch.ones(8, 5, dtype=torch.cfloat))

    def forward(self, x):
        return super().forward(torch.fft.irfft2(torch.fft.rfft2(x) * self.filter, s=x.shape[-2:]))


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Frozen, r"out.bias has requires_grad=False.*register_buffer"),
        (WithoutGradient, r"cannot be trained with weights from outside.*torch.no_grad"),
        (Double, r"out.weight is torch.float64; weights must be torch.float32"),
        (Complex, r"filter is torch.complex64; weights must be torch.float32"),
        (Compiled, r"compiled by torch.jit"),
        (InPlace, r"changes its input"),
    ],
)
def test_what_cannot_be_trained_is_refused(module, message):
    with pytest.raises(UserError, match=message):
        try_out(module(), "own", 1, 8, 3)


def seeded(module):
    def make(seed):
        torch.manual_seed(seed)
        return module()

    return make


class ByNumpy(Plain):
    def __init__(self):
        super().__init__()
        self.out.bias.data += float(np.random.default_rng().random())


class Normalised(Plain):
    def __init__(self):
        super().__init__()
        self.out = parametrizations.spectral_norm(self.out)


class Measured(Plain):
    """A buffer that depends on the data of its initialisation."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scale", self.out.weight.detach().std())


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (ByNumpy, r"out.bias is another at each call; draw it by torch alone"),
        (Normalised, r"its buffer out.parametrizations.weight.0._u depends on its random weights.*spectral_norm"),
        (Measured, r"its buffer scale depends on its random weights"),
    ],
)
def test_what_the_seed_does_not_decide_is_refused(module, message):
    with pytest.raises(UserError, match=message):
        check_reproducible(seeded(module), "own")


def test_buffers_that_are_the_same_whatever_the_seed_are_taken():
    check_reproducible(seeded(lambda: nn.Sequential(Plain(), nn.BatchNorm1d(3))), "own")


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
    from dd.nets.factory import build

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
