import copy
import shutil

import pytest
import torch

from dd.distill import flat
from dd.distill.flat import Flat
from dd.distill.objective import classification
from dd.distill.unroll import meta_gradient
from dd.nets.lenet import LeNet
from dd.nets.stacked import StackedNet


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


NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


@pytest.mark.parametrize(
    ("device", "compiles"),
    [
        pytest.param(
            "cpu", True, marks=pytest.mark.skipif(not shutil.which("g++"), reason="PyTorch compiles with g++")
        ),
        pytest.param("cuda", False, marks=NO_GPU),
        pytest.param("cuda", True, marks=NO_GPU),
    ],
)
def test_lenet_on_other_devices_and_compiled(device, compiles, monkeypatch):
    """On a GPU this is also what guards TF32, which PyTorch's convolutions use there."""
    draw = torch.Generator().manual_seed(0)
    net = StackedNet(LeNet())
    theta = 0.1 * torch.randn(2, sum(net.sizes), generator=draw)
    images, labels = torch.randn(2, 10, 1, 28, 28, generator=draw), torch.arange(10).expand(2, 10)
    real = torch.randn(64, 1, 28, 28, generator=draw), torch.randint(0, 10, (64,), generator=draw)

    def gradient(loss, device):
        tensors = (t.to(device) for t in (theta, images, labels, torch.full((2, 2), 0.05), *real))
        return meta_gradient(loss, loss, *tensors).images.cpu()

    compiler, made = torch.compile, []
    monkeypatch.setattr(torch, "compile", lambda *a, **options: made.append(compiler(*a, **options)) or made[-1])
    expected = gradient(classification(net), "cpu")
    loss = classification(copy.deepcopy(net).to(device), compiles)
    for _ in range(3):
        error = (gradient(loss, device) - expected).norm() / expected.norm()
        assert error < (1e-3 if device == "cpu" else 0.05)
    assert len(made) == 2 * compiles  # a GD step and the way back
