"""Traits of a distilled set that the paper describes in words: how noisy its images look, and how its rates fall."""

import torch
from torch import Tensor

from dd.distill.distilled_set import DistilledSet

IMAGES_NDIM = 5
"""The axes of images in a set, `[steps, n, C, H, W]`; tables and the like have fewer."""
HALF_NYQUIST = 0.25
"""Cycles for each pixel. Beyond this radius frequencies count as high; the Nyquist frequency is 0.5."""


def high_frequency_share(images: Tensor) -> Tensor:
    """The share of each image's spectral power, in percent `[...]`, that lies at high frequencies.

    The mean of each channel is subtracted. Of the two-dimensional discrete Fourier transform, the power at all
    frequencies whose radius, the root of fx² + fy², is beyond half the Nyquist frequency is divided by all power, each
    summed over channels. A constant image has no power and a share of 0.

    Args:
        images: `[..., C, H, W]`, square or not.
    """
    centred = images - images.mean((-2, -1), keepdim=True)
    power = torch.fft.fft2(centred.double()).abs().square().sum(-3)
    high = _is_high(*images.shape[-2:])
    total = power.sum((-2, -1))
    return 100 * (power * high).sum((-2, -1)) / total.where(total > 0, 1)


def white_noise_share(height: int, width: int) -> float:
    """What `high_frequency_share` is, in expectation, of white Gaussian noise: its power is alike at all frequencies.

    Without the mean, so many of the `height * width - 1` frequencies are high.
    """
    return 100 * _is_high(height, width).sum().item() / (height * width - 1)


def _is_high(height: int, width: int) -> Tensor:
    """Which frequencies `[H, W]` of the transform are high."""
    vertical, horizontal = (torch.fft.fftfreq(pixels, dtype=torch.float64) for pixels in (height, width))
    return torch.hypot(vertical.unsqueeze(1), horizontal.unsqueeze(0)) > HALF_NYQUIST


def traits(distilled: DistilledSet) -> dict[str, float]:
    """The traits of a set as columns: mean learned rates of two epochs, mean `high_frequency_share` in percent.

    lr_first_epoch, lr_last_epoch, if it has rates; for images, high_frequencies (of all images),
    high_frequencies_first_step, high_frequencies_last_step, high_frequencies_noise (`white_noise_share` for images of
    this size).
    """
    rounded = _frequencies(distilled.images) if distilled.images.ndim == IMAGES_NDIM else {}
    if not len(distilled.lrs):
        return rounded
    rates = distilled.lrs.double().mean(1)
    return {"lr_first_epoch": round(rates[0].item(), 8), "lr_last_epoch": round(rates[-1].item(), 8), **rounded}


def _frequencies(images: Tensor) -> dict[str, float]:
    shares = high_frequency_share(images).mean(1)
    percent = {
        "high_frequencies": shares.mean().item(),
        "high_frequencies_first_step": shares[0].item(),
        "high_frequencies_last_step": shares[-1].item(),
        "high_frequencies_noise": white_noise_share(*images.shape[-2:]),
    }
    return {name: round(value, 4) for name, value in percent.items()}
