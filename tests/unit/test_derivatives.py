"""Second derivatives by forward mode: where they are exact, and what is done where they are not."""

import pytest
import torch
from torch import nn

from dd.data.prepared import load
from dd.distill.derivatives import reverse_over_forward_is_exact
from dd.distill.experiment import Experiment
from dd.distill.loss import classification
from dd.distill.settings import DistillConfig
from dd.nets.stacked import StackedNet
from tests.unit.test_unroll import full_graph, ours, traceable

NORMS = {
    "none": (nn.Identity, True),
    "group norm": (lambda: nn.GroupNorm(2, 4), True),
    "frozen batch norm": (lambda: nn.BatchNorm2d(4), True),
    "response norm": (lambda: nn.LocalResponseNorm(2), True),
    "instance norm": (lambda: nn.InstanceNorm2d(4, affine=True), False),
    "layer norm": (lambda: nn.LayerNorm([4, 8, 8]), False),
    "batch norm": (lambda: nn.BatchNorm2d(4, track_running_stats=False), False),
}


@pytest.mark.parametrize("norm", NORMS)
def test_what_forward_mode_loses_is_noticed_behind_a_last_layer_of_zeros(norm):
    make, exact = NORMS[norm]
    net = StackedNet(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), make(), nn.Flatten(), nn.Linear(256, 3)).double())
    random = torch.Generator().manual_seed(5)
    theta = 0.3 * torch.randn(1, sum(net.sizes), generator=random, dtype=torch.float64)
    theta[:, -(256 * 3 + 3) :] = 0
    x = torch.randn(3, 1, 8, 8, generator=random, dtype=torch.float64)
    assert reverse_over_forward_is_exact(traceable(net), theta, x, torch.arange(3)) == exact


@pytest.mark.parametrize("error", [AssertionError, TypeError, RuntimeError])
def test_a_forward_that_wants_single_precision_has_no_exact_forward_mode(error):
    class Single(nn.Linear):
        def forward(self, x):
            if x.dtype != torch.float32:
                raise error("give me float32")
            return super().forward(x.flatten(1))

    net, x = StackedNet(Single(64, 3).double()), torch.randn(3, 1, 8, 8, dtype=torch.float64)
    assert not reverse_over_forward_is_exact(
        classification(net), torch.zeros(1, sum(net.sizes)).double(), x, torch.arange(3)
    )


@pytest.mark.parametrize("norm", NORMS)
def test_where_forward_mode_is_inexact_reverse_mode_is_right(norm):
    """PyTorch loses terms of fused norms in the backward pass through forward mode; we must notice, and be right."""
    make, exact = NORMS[norm]
    random = torch.Generator().manual_seed(5)
    module = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), make(), nn.Flatten(), nn.Linear(256, 3)).double()
    net = StackedNet(module)
    loss = traceable(net)
    theta = 0.3 * torch.randn(2, sum(net.sizes), generator=random, dtype=torch.float64)
    x = torch.randn(2, 3, 1, 8, 8, generator=random, dtype=torch.float64)
    problem = {"loss": loss, "theta": theta, "images": x, "labels": torch.arange(3).expand(2, 3)}
    problem |= {"lrs": torch.full((1, 2), 0.2).double(), "real_x": x[0].flip(0), "real_y": torch.arange(3)}
    assert reverse_over_forward_is_exact(loss, theta[:1], x[0], problem["labels"][0]) == exact
    _, images, lrs = full_graph(problem)
    gradient = ours(problem, forward=exact).gradient
    torch.testing.assert_close(gradient.images, images, rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(gradient.lrs, lrs, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("nets", [1, 4])
@pytest.mark.parametrize("net", ["LeNet", "AlexCifarNet", "ConvNet3", "MLP"])
def test_networks_by_name_allow_reverse_over_forward(digits, net, nets):
    config = DistillConfig(net=net, nets=nets, real_batch=64, validation_images=100)
    assert Experiment(config, load(digits)).trainer.reverse_over_forward
