import pytest
import torch

from dd.distill import flat
from dd.distill.flat import Flat


@pytest.fixture(autouse=True)
def from_the_third_call(monkeypatch):
    monkeypatch.setattr(flat, "REPEATS", 2)


def gradient(w, x):
    w = w.detach().requires_grad_()
    return torch.autograd.grad(torch.tanh(x @ w).square().sum(), w)


def test_same_bits_without_running_the_function():
    calls = []

    def counted(w, x):
        calls.append(1)
        return gradient(w, x)

    function, draw = Flat(counted), torch.Generator().manual_seed(0)
    for _ in range(10):
        w, x = torch.randn(5, 3, generator=draw), torch.randn(4, 5, generator=draw)
        assert torch.equal(function(w, x)[0], gradient(w, x)[0])
    assert len(calls) == 3  # two calls, then once to write it down


def test_every_shape_and_stride_for_itself():
    function = Flat(gradient)
    for _ in range(4):
        for x in (torch.randn(4, 5), torch.randn(6, 5), torch.randn(5, 4).t()):
            w = torch.randn(5, 3)
            assert torch.equal(function(w, x)[0], gradient(w, x)[0])
    assert len(function.lists) == 3
