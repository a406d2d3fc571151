"""Differentiable augmentation: what each change does to images, against closed forms and torchvision."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from dd.distill import differentiable_augmentation as dsa
from dd.distill.differentiable_augmentation import CHANGES, NONE, augmentation_of

STRATEGIES = [name for name in CHANGES if name != NONE] + ["_".join(name for name in CHANGES if name != NONE)]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=50, channels=1, size=28, seed=0):
    return torch.randn(n, channels, size, size, generator=rng(seed), dtype=torch.float64)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gradients_are_those_of_finite_differences(strategy):
    change, x = augmentation_of(strategy, 0.2), images(2, 3, 9).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: change(x, rng(1)), (x,))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_draws_do_not_depend_on_the_images_and_differ_between_them(strategy):
    change, x, other = augmentation_of(strategy, 0.2), images(channels=3), images(channels=3, seed=1)
    zero = change(0 * x, rng())
    together = change(x, rng()) + change(other, rng()) - zero  # every change is affine
    torch.testing.assert_close(change(x + other, rng()), together)
    assert not torch.equal(change(x, rng()), change(x, rng(1)))
    same = change(x[:1].expand(50, -1, -1, -1), rng())
    assert len(same.flatten(1).unique(dim=0)) > 1


def test_a_crop_shifts_by_whole_pixels_and_repeats_the_border():
    x, change = images(), augmentation_of("crop", 2 / 28)
    padded, seen = F.pad(x, (2, 2, 2, 2), mode="replicate"), set()
    for number, found in enumerate(change(x, rng())):
        matches = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if torch.allclose(found, padded[number, :, down : down + 28, right : right + 28], atol=1e-4)
        ]
        assert len(matches) == 1
        seen |= set(matches)
    assert {down for down, _ in seen} == {right for _, right in seen} == {0, 1, 2, 3, 4}


def test_half_of_the_images_are_mirrored():
    x, changed = images(200), augmentation_of("flip", 0.0)(images(200), rng())
    mirrored = [torch.allclose(new, old.flip(-1), atol=1e-4) for new, old in zip(changed, x, strict=True)]
    kept = [torch.allclose(new, old, atol=1e-4) for new, old in zip(changed, x, strict=True)]
    assert sum(mirrored) + sum(kept) == 200
    assert 70 < sum(mirrored) < 130


def test_turning_is_torchvisions():
    x = images(size=32)
    angles = dsa.Draws(50, 32, 0, rng()).uniform(-15, 15)
    for old, new, angle in zip(x, augmentation_of("rotate", 0.0)(x, rng()), angles, strict=True):
        turned = transforms.rotate(old, angle.item(), interpolation=InterpolationMode.BILINEAR)
        torch.testing.assert_close(new[:, 8:-8, 8:-8], turned[:, 8:-8, 8:-8], rtol=1e-3, atol=1e-3)


def test_scaling_stretches_each_side_by_itself():
    place = (torch.arange(28) + 0.5 - 14).double()
    ramp = (place + 100 * place[:, None]).expand(50, 1, -1, -1)
    changed = augmentation_of("scale", 0.0)(ramp, rng())[:, 0]
    across, down = changed[:, 14, 15] - changed[:, 14, 14], (changed[:, 15, 14] - changed[:, 14, 14]) / 100
    for ratio in (across, down):
        assert 1 / 1.2 - 1e-4 <= ratio.min() < 0.9
        assert 1.1 < ratio.max() <= 1.2 + 1e-4
    assert not torch.allclose(across, down, atol=0.05)


def test_a_square_of_half_a_side_is_cut_out():
    changed = augmentation_of("cutout", 0.0)(torch.ones(200, 3, 28, 28), rng())
    areas = (changed[:, 0] == 0).sum((1, 2))
    assert torch.equal(changed[:, 0], changed[:, 2])
    assert areas.max() <= 14 * 14 + 28  # the centre may be anywhere between pixels
    assert 49 <= areas.min() < 14 * 14  # in a corner, a quarter is inside


def test_colours_keep_what_they_should():
    x = images(channels=3)
    changed, draws = augmentation_of("color", 0.0)(x, rng()), dsa.Draws(50, 28, 0, rng())
    bright, saturated, contrast = (draws.uniform(*limits).double() for limits in ((-0.5, 0.5), (0, 2), (0.5, 1.5)))
    mean = x.mean((1, 2, 3))
    torch.testing.assert_close(changed.mean((1, 2, 3)), mean + bright)
    gray = (changed.mean(1) - changed.mean((1, 2, 3))[:, None, None]).std((1, 2))
    torch.testing.assert_close(gray / (x.mean(1) - mean[:, None, None]).std((1, 2)), contrast)
    colour = (changed - changed.mean(1, keepdim=True)).std((1, 2, 3))
    torch.testing.assert_close(colour / (x - x.mean(1, keepdim=True)).std((1, 2, 3)), contrast * saturated)


def test_none_changes_nothing():
    assert augmentation_of(NONE, 0.125) is None
