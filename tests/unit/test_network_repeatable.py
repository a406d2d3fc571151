"""Networks of users that the seed does not decide, or that are more than their weights: refused in one line."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from dd.nets.trial import check_reproducible, try_out
from dd.runtime.errors import UserError
from tests.unit.test_network_faults import Plain


def seeded(module):
    def make(seed):
        torch.manual_seed(seed)
        return module()

    return make


class ByItsOwn(Plain):
    """Draws from a generator that no seed reaches."""

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


class Projected(Plain):
    """Random numbers that are neither a weight nor a buffer."""

    def __init__(self):
        super().__init__()
        self.projection = torch.randn(1, 1, 8, 8)

    def forward(self, x):
        return super().forward(self.projection * x)


class Centred(Plain):
    """Keeps the mean of the first images."""

    mean = None

    def forward(self, x):
        if self.mean is None:
            self.mean = x.mean()
        return super().forward(x - self.mean)


class Spread(Plain):
    """Keeps the spread of the first images."""

    std = None

    def forward(self, x):
        if self.std is None:
            self.std = x.std()
        return super().forward(x / self.std)


class Cached(Plain):
    """Keeps what the first weights were."""

    norm = None

    def forward(self, x):
        if self.norm is None:
            self.norm = self.out.weight.norm()
        return super().forward(x) / self.norm


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (ByItsOwn, r"out.bias is another at each call; draw it by torch, np.random or random"),
        (Normalised, r"its buffer out.parametrizations.weight.0._u depends on its random weights.*spectral_norm"),
        (Measured, r"its buffer scale depends on its random weights"),
        (Projected, r"keeps random numbers outside its weights"),
        (Centred, r"its logits depend on images or weights that it has seen before"),
        (Spread, r"its logits depend on images or weights that it has seen before"),
        (Cached, r"its logits depend on images or weights that it has seen before"),
    ],
)
def test_what_the_seed_does_not_decide_is_refused(module, message):
    with pytest.raises(UserError, match=f"net own: {message}"):
        check_reproducible(seeded(module), "own", 1, 8)


class Counting(Plain):
    """Keeps tensors that change nothing: a counter, and what is the same for any images."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.positions = None

    def forward(self, x):
        self.calls += 1
        if self.positions is None:
            self.positions = torch.arange(8.0)
        return super().forward(x + self.positions)


class Looking(Plain):
    """Keeps what it has computed, to be looked at later, and has a weight without effect."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, x):
        self.seen = super().forward(x)
        return self.seen


def test_a_net_that_keeps_what_it_computed_is_taken():
    try_out(Looking(), "own", 1, 8, 3)
    check_reproducible(seeded(Looking), "own", 1, 8)


def test_buffers_that_are_the_same_whatever_the_seed_are_taken():
    for module in (lambda: nn.Sequential(Plain(), nn.BatchNorm1d(3)), Counting):
        try_out(module(), "own", 1, 8, 3)
        check_reproducible(seeded(module), "own", 1, 8)
