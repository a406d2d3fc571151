"""Networks of users that do not fit are refused before training, and unusual ones that fit are taken."""

import sys

import pytest
import torch
from torch import nn

from dd.data.batches import RealBatches, TrainingImages
from dd.nets.factory import build, remark
from dd.nets.stacked import StackedNet
from dd.nets.trial import try_out
from dd.runtime.errors import UserError
from dd.runtime.seeds import generator


def no_network(**given):
    return given


class Raising(nn.Module):
    """A user's mistake."""

    def __init__(self, **_):
        raise KeyError("no such key")


def zeros(layer):
    """With all weights 0, as some last layers begin."""
    for p in layer.parameters():
        nn.init.zeros_(p)
    return layer


class Missing(nn.Module):
    """A network of a package that is not there."""

    def __init__(self, **_):
        raise UserError("install it")


class Late(nn.Module):
    """One that makes its last layer when it sees the first image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        features = self.conv(x).flatten(1)
        if not hasattr(self, "last"):
            self.last = nn.Linear(features.shape[1], 3)
        return self.last(features)


class Wrong(nn.Module):
    """A linear layer whose input or output is treated by `change`."""

    def __init__(self, before=lambda x: x, after=lambda x: x):
        super().__init__()
        self.linear, self.before, self.after = nn.Linear(64, 3), before, after

    def forward(self, x):
        return self.after(self.linear(self.before(x.flatten(1))))


class Computed(Wrong):
    """With a weight computed from others beforehand, as `nn.utils.weight_norm` has it."""

    def __init__(self):
        super().__init__()
        self.doubled = 2 * self.linear.weight


class Stacking(Wrong):
    """With a method for many networks that computes something else."""

    def stacked(self, named, x):
        return 2 * torch.einsum("nkp,bp->nbk", named["linear.weight"], x.flatten(1))


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 3)), r"fails on images \[2, 1, 8, 8\]: mat1 and mat2"),
        (
            nn.Sequential(nn.Conv2d(1, 4, 9), nn.Flatten()),
            r"fails on images \[2, 1, 8, 8\]: .*; change it or the images' size",
        ),
        (Wrong(after=lambda x: x[:, :2]), r"returns \[2, 2\] for 2 images of 3 classes"),
        (Wrong(after=lambda x: (x, x)), r"returns a tuple for 2 images of 3 classes"),
        (Wrong(after=lambda x: x / 0), "returns .*inf.*; must be finite"),
        (Wrong(after=lambda x: x.softmax(1)), "returns probabilities; must be logits: leave out its softmax"),
        (Wrong(before=nn.functional.dropout), "is random in evaluation mode; give F.dropout training=self.training"),
        (
            nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), nn.Flatten(), nn.Linear(64, 3)),
            "its logits of an image depend on the others in the batch",
        ),
        (
            nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), nn.Flatten(), zeros(nn.Linear(64, 3))),
            "its logits of an image depend on the others in the batch",
        ),
        (Late(), "makes layers in its forward"),
        (Computed(), "cannot be copied: .* deepcopy"),
        (Wrong(after=lambda x: x.squeeze()), r"returns \[3\] for 1 images of 3 classes"),
        (Wrong(after=lambda x: x * 1j), "returns torch.complex64.*; must be dense floating-point logits"),
        (Wrong(after=lambda x: x.long()), "returns torch.int64.*; must be dense floating-point logits"),
        (Wrong(after=lambda x: x.to_sparse()), "returns torch.float32, torch.sparse_coo; must be dense"),
        (Wrong(after=lambda _x: 1 / 0), "fails on images .*: ZeroDivisionError: division by zero"),
        (Wrong(after=lambda _x: sys.exit()), "fails on images .*: SystemExit"),
        (Stacking(), "its method stacked returns other logits than its forward"),
    ],
    ids=[
        *("size", "small", "classes", "tuple", "infinite", "softmax", "random", "batch", "zeros"),
        *("late", "computed", "squeezed", "complex", "whole numbers", "sparse", "raises", "exits", "stacked"),
    ],
)
def test_networks_that_do_not_fit_are_refused_before_training(module, reason):
    with pytest.raises(UserError, match=f"net own: {reason}"):
        try_out(module, "own", 1, 8, 3)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows, self.out = nn.GRU(8, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        return self.out(self.rows(x.squeeze(1))[1][0])


def in_place(y):
    out = torch.zeros(len(y), 3, dtype=y.dtype)
    out += y
    return out


class Scaled(Wrong):
    """With a parameter of no dimension."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.scale * super().forward(x)


@pytest.mark.parametrize("name", ["os:abort", "subprocess:Popen"])
def test_what_makes_no_network_is_not_called(name):
    """A set of somebody else may name it."""
    with pytest.raises(UserError, match=f"net '{name}': is no torch.nn.Module, nor a function that makes one"):
        build(name, 1, 28, 10)


def test_a_parameter_may_be_a_number():
    net, x = StackedNet(Scaled()), torch.randn(4, 1, 8, 8)
    theta = torch.randn(2, sum(net.sizes), generator=generator(0, "test"))
    expected = theta[:, :1].unsqueeze(2) * StackedNet(Wrong()).logits(theta[:, 1:], x)
    torch.testing.assert_close(net.logits(theta, x), expected)


WITHOUT_VMAP = {
    "recurrent": Recurrent,
    "in place": lambda: Wrong(after=in_place),
    "branch": lambda: Wrong(after=lambda y: y / 10 if y.abs().max() > 100 else y),
}


@pytest.mark.parametrize("make", WITHOUT_VMAP.values(), ids=WITHOUT_VMAP.keys())
def test_nets_that_vmap_cannot_take_are_taken_one_by_one(make):
    net = StackedNet(make().double())
    random = torch.Generator().manual_seed(0)
    theta = torch.randn(3, sum(net.sizes), generator=random, dtype=torch.float64)
    x = torch.randn(4, 1, 8, 8, generator=random, dtype=torch.float64)
    try_out(make(), "own", 1, 8, 3)
    torch.testing.assert_close(net.logits(theta, x), torch.cat([net.logits(row, x) for row in theta.split(1)]))


def test_what_evaluation_mode_does_to_layers_is_said():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(64, 3))
    try_out(net, "own", 1, 8, 3)
    said = remark(net, "own")
    assert "BatchNorm2d uses stored statistics, never the batch's" in said
    assert "Dropout drops nothing" in said
    assert "\n" not in said
    assert not remark(build("ConvNet3", 1, 8, 3), "ConvNet3")


def test_views_of_images_are_taken():
    """Prepared images lie channels last, which `view` refuses; networks get them in PyTorch's own order."""

    class Viewing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(256, 3)

        def forward(self, x):
            return self.out(self.conv(x).view(len(x), -1))

    pixels = torch.zeros(4, 8, 8, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    images = TrainingImages(pixels, torch.zeros(4), torch.zeros(3), torch.ones(3))
    batch, _ = RealBatches(images, batch_size=2, seed=0).batch(0)
    try_out(Viewing(), "own", 3, 8, 3)
    assert Viewing()(batch).shape == (2, 3)
