import copy
from functools import partial

import pytest
import torch
from torch import nn

from dd.distill.derivatives import gradient as loss_gradient
from dd.distill.derivatives import hessian_vector_product, value_and_gradient
from dd.distill.distilled_data import DistilledData
from dd.distill.loss import classification
from dd.distill.optimisers import Adam, GradientDescent, Momentum
from dd.distill.unroll import UnrollOptions, meta_gradient
from dd.nets.lenet import LeNet
from dd.nets.mlp import MLP
from dd.nets.stacked import StackedNet
from dd.runtime import trace
from dd.runtime.devices import exact_products
from dd.runtime.trace import Traced, Tracer


@pytest.fixture(autouse=True)
def from_the_third_call(monkeypatch):
    monkeypatch.setattr(trace, "REPEATS", 2)


def gradient(w, x):
    w = w.detach().requires_grad_()
    return torch.autograd.grad(torch.tanh(x @ w).square().sum(), w)


def test_same_bits_without_running_the_function():
    calls = []

    def counted(w, x):
        calls.append(1)
        return gradient(w, x)

    function, draw = Traced(counted, Tracer(traceable=True)), torch.Generator().manual_seed(0)
    for _ in range(10):
        w, x = torch.randn(5, 3, generator=draw), torch.randn(4, 5, generator=draw)
        assert torch.equal(function(w, x)[0], gradient(w, x)[0])
    assert len(calls) == 3  # two calls, then once to trace it


def test_every_shape_and_stride_for_itself():
    function = Traced(gradient, Tracer(traceable=True))
    for _ in range(4):
        for x in (torch.randn(4, 5), torch.randn(6, 5), torch.randn(5, 4).t()):
            w = torch.randn(5, 3)
            assert torch.equal(function(w, x)[0], gradient(w, x)[0])
    assert len(function.traces) == 3


@pytest.fixture
def exact():
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, cudnn.deterministic, products.allow_tf32
    exact_products()
    yield
    cudnn.allow_tf32, cudnn.deterministic, products.allow_tf32 = before


NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


class Branching(nn.Linear):
    """A network that a CUDA graph cannot hold."""

    def __init__(self):
        super().__init__(784, 10)

    def forward(self, x):
        z = super().forward(x.flatten(1))
        return z if z.sum() > 0 else 2 * z


@NO_GPU
@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(("make", "recorded"), [(partial(MLP, 1, 28, 10), True), (LeNet, True), (Branching, False)])
def test_gpus_compute_the_same_and_record_what_they_can(make, recorded):
    """Also what guards TF32, which PyTorch's convolutions use there."""
    torch.manual_seed(0)
    net, draw = StackedNet(make()), torch.Generator().manual_seed(0)
    images, labels = torch.randn(2, 10, 1, 28, 28, generator=draw), torch.arange(10).expand(2, 10)
    data = DistilledData(images, labels, torch.full((2, 2), 0.05))
    real = [torch.randn(64, 1, 28, 28, generator=draw), torch.randint(0, 10, (64,), generator=draw)]
    on_cpu, on_gpu = (classification(copy.deepcopy(net).to(device)) for device in ("cpu", "cuda"))
    for optimiser in (*[GradientDescent()] * 4, Momentum(0.5), Adam()):  # and other nets every time
        theta = 0.1 * torch.randn(2, sum(net.sizes), generator=draw)
        options = UnrollOptions(optimiser=optimiser)
        expected = meta_gradient(on_cpu, theta, data, *real, options=options)
        found = meta_gradient(on_gpu, theta.cuda(), data.to("cuda"), *(t.cuda() for t in real), options=options)
        pairs = [(found.losses, expected.losses), *zip(found.gradient[:2], expected.gradient[:2], strict=True)]
        for a, b in pairs:
            assert (a.cpu() - b).norm() < 1e-3 * b.norm()
    functions = [
        on_gpu.traced(loss_gradient),
        on_gpu.traced(hessian_vector_product, reverse_over_forward=True),
        on_gpu.traced(value_and_gradient),
    ]
    traces = [found for function in functions for found in function.traces.values()]
    assert len(traces) == 3
    assert all(isinstance(found, trace.CudaGraph) == recorded for found in traces)
    assert on_gpu.tracer.records_graphs == recorded


class OnGpu(torch.Tensor):
    """A tensor that says it is on a GPU, where there is none."""

    is_cuda = True


def test_a_failed_recording_is_remembered_by_its_own_tracer_alone(monkeypatch, capsys):
    """Recording is what a GPU does, so it is replaced; a test above fails to record on a real one."""
    tried = []

    def fail(_function, inputs):
        tried.append(inputs)
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    monkeypatch.setattr(trace, "CudaGraph", fail)
    for name in ("current_stream", "set_stream", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda *_stream: None)
    failed, other = Tracer(traceable=False), Tracer(traceable=False)
    inputs = tuple(torch.randn(size).as_subclass(OnGpu) for size in ((5, 3), (4, 5)))
    for _ in range(3):
        assert failed.trace(gradient, inputs) is gradient
    assert len(tried) == 1
    assert "no CUDA graph can be recorded: operation not permitted when stream is capturing" in capsys.readouterr().err
    other.trace(gradient, inputs)
    assert len(tried) == 2


def test_what_is_not_traceable_is_run_as_written():
    function = Traced(gradient, Tracer(traceable=False))
    for _ in range(4):
        function(torch.randn(5, 3), torch.randn(4, 5))
    assert list(function.traces.values()) == [gradient]
