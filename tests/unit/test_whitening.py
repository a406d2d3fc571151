"""Whitening against formulas written out, and a closed form."""

import numpy as np
import pytest
import torch

from dd.data.whitening import WHITENINGS


def images(count=400, shape=(3, 4, 4)):
    """Images whose pixels are correlated, uint8."""
    noise = torch.randn(count, *shape, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1, 1) * 90 + 120
    return smooth.clamp(0, 255).to(torch.uint8)


def kornia(x, eps):
    """ZCAWhitening of kornia: fit and transform, on floats `[N, ...]`."""
    flat = x.reshape(len(x), -1)
    mean = flat.mean(0, keepdim=True)
    covariance = (flat - mean).T @ (flat - mean) / (len(x) - 1)
    u, s, _ = torch.linalg.svd(covariance)
    transform = u @ torch.diag(1 / torch.sqrt(s + eps)) @ u.T
    return ((flat - mean) @ transform).reshape(x.shape)


def kip(x, share):
    """The preprocessing of KIP: each image centred and of norm 1, then ZCA regularised by a share of the trace."""
    flat = x.reshape(len(x), -1)
    flat = flat - flat.mean(1, keepdims=True)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    covariance = flat.T @ flat / len(flat)
    amount = share * np.trace(covariance) / len(covariance)
    u, s, _ = np.linalg.svd(covariance + amount * np.eye(len(covariance)))
    return (flat @ (u * s**-0.5) @ u.T).reshape(x.shape)


def whitened(kind, x, mean, std):
    """What networks get: normalised, then whitened."""
    fitted = WHITENINGS[kind].fit(x, mean, std)
    return fitted((x / 255 - mean.view(-1, 1, 1)) / std.view(-1, 1, 1))


@pytest.mark.parametrize(
    ("kind", "mean", "std"),
    [("kornia-zca", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), ("kornia-zca-standardised", (0.5, 0.4, 0.3), (0.2, 0.1, 0.3))],
)
def test_kornias(kind, mean, std):
    x, mean, std = images(), torch.tensor(mean), torch.tensor(std)
    expected = kornia(((x / 255).double() - mean.view(-1, 1, 1)) / std.view(-1, 1, 1), 0.1)
    torch.testing.assert_close(whitened(kind, x, mean, std), expected.float(), atol=1e-5, rtol=1e-4)


def test_that_of_unit_norm():
    x = images()
    expected = torch.from_numpy(kip((x / 255).double().numpy(), 0.1))
    torch.testing.assert_close(
        whitened("unit-norm-zca", x, torch.zeros(3), torch.ones(3)), expected.float(), atol=1e-5, rtol=1e-4
    )


def test_in_closed_form():
    """Two independent pixels of variance v become (x - m) / sqrt(v + 0.1)."""
    x = torch.tensor([[0, 0], [0, 255], [255, 0], [255, 255]], dtype=torch.uint8).view(4, 1, 1, 2).repeat(50, 1, 1, 1)
    variance = 0.25 * 200 / 199
    expected = (x / 255 - 0.5) / (variance + 0.1) ** 0.5
    torch.testing.assert_close(whitened("kornia-zca", x, torch.zeros(1), torch.ones(1)), expected)


def test_an_image_of_one_gray_stays_finite():
    x = images()
    x[0] = 7
    assert whitened("unit-norm-zca", x, torch.zeros(3), torch.ones(3)).isfinite().all()
