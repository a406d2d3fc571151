"""Traits of distilled sets: high frequencies in closed form, and what evaluations tell of rates and noise."""

import math

import pytest
import torch

from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.evaluation.held_out import evaluate
from dd.evaluation.traits import high_frequency_share, traits, white_noise_share

SIZE = 32


def wave(down, across, amplitude=1.0):
    """A sinusoid `[1, SIZE, SIZE]` of so many periods over the image in each direction."""
    phase = down * torch.arange(SIZE).unsqueeze(1) + across * torch.arange(SIZE)
    return amplitude * torch.cos(2 * math.pi * phase / SIZE).unsqueeze(0)


@pytest.mark.parametrize(
    ("down", "across", "share"),
    [(0, 1, 0), (3, 0, 0), (0, 8, 0), (9, 0, 100), (0, 16, 100), (5, 6, 0), (6, 6, 100), (5, -6, 0), (16, 16, 100)],
)  # of 32 pixels, half the Nyquist frequency is 8 periods; the root of 5² + 6² is 7.8, that of 6² + 6² is 8.5
def test_a_sinusoid_is_high_beyond_half_the_nyquist_frequency(down, across, share):
    assert high_frequency_share(7 + wave(down, across)).item() == pytest.approx(share, abs=1e-6)


def test_power_is_summed_over_frequencies_and_channels():
    low, high = wave(2, 1, amplitude=3.0), wave(0, 12, amplitude=2.0)
    assert high_frequency_share(low + high).item() == pytest.approx(100 * 4 / 13)
    assert high_frequency_share(torch.cat([low, 5 + high, low])).item() == pytest.approx(100 * 4 / 22)
    several = torch.stack([low, high, torch.full_like(low, 3.0)]).reshape(3, 1, 1, SIZE, SIZE)
    assert high_frequency_share(several).flatten().tolist() == pytest.approx([0, 100, 0], abs=1e-6)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (32, 32), (7, 12)])
def test_white_noise_has_the_share_of_its_size(height, width):
    noise = torch.randn(3000, 2, height, width, generator=torch.Generator().manual_seed(0))
    shares = high_frequency_share(noise)
    assert shares.mean().item() == pytest.approx(
        white_noise_share(height, width), abs=4 * shares.std().item() / 3000**0.5
    )
    assert white_noise_share(4, 4) == pytest.approx(100 * 11 / 15)  # by hand: low are one step up, down, left and right


@pytest.mark.parametrize("steps", [1, 3])
def test_an_evaluation_tells_of_rates_and_noise(digits, steps):
    config = DistillConfig(init="fixed", steps=steps, epochs=2, nets=1, real_batch=64, validation_images=100)
    made = Experiment(config, load(digits)).distilled({"accuracy": 50.0, "accuracy_std": 1.0, "nets": 1})
    made.lrs = torch.arange(1.0, 2 * steps + 1).reshape(2, steps) / 100
    made.images[0], made.images[-1] = wave(0, 16)[:, :28, :28], wave(0, 1)[:, :28, :28]
    found = traits(made)
    first, last = high_frequency_share(made.images[[0, -1]]).mean(1).tolist()
    expected = {
        "lr_first_epoch": (steps + 1) / 200,
        "lr_last_epoch": (3 * steps + 1) / 200,
        "high_frequencies": high_frequency_share(made.images).mean().item(),
        "high_frequencies_first_step": first,
        "high_frequencies_last_step": last,
        "high_frequencies_noise": white_noise_share(28, 28),
    }
    assert found == pytest.approx(expected, abs=1e-4)
    assert (first > last) == (steps > 1)
    rows = evaluate(made, load(digits), made.initial(), nets=1)
    assert rows[list(found)].drop_duplicates().to_dict("records") == [found]
