"""Schedules and batches of real images."""

import math

import pytest
import torch

from dd.data.batches import RealBatches, TrainingImages
from dd.distill.settings import DistillConfig
from dd.runtime.errors import UserError


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("halve", 0, 0.01),
        ("halve", 9, 0.01),
        ("halve", 10, 0.005),
        ("halve", 35, 0.00125),
        ("cosine", 0, 0.01),
        ("cosine", 50, 0.005),
        ("cosine", 100, 0.0),
        ("constant", 99, 0.01),
    ],
)
def test_schedules(schedule, step, expected):
    config = DistillConfig(schedule=schedule, halve_every=10, meta_steps=100)
    assert config.meta_lr_at(step) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps: 0 must be at least 1"),
        ({"meta_lr": 0.0}, "meta_lr: 0.0 must be above 0"),
        ({"meta_lr": math.nan}, "meta_lr: nan"),
        ({"init": "fixd"}, "init: 'fixd' is not one of"),
        ({"meta_beta1": 1.0}, "meta_beta1"),
        ({"momentum": 1.0}, "momentum: 1.0 must be below 1"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(UserError, match=message):
        DistillConfig(**settings)


def real(n=10, batch=3, **options):
    x = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)
    images = TrainingImages(x, torch.arange(n), torch.zeros(1), torch.ones(1))
    return RealBatches(images, batch_size=batch, seed=0, **options)


def test_real_batches_are_without_replacement_and_random_access():
    batches = real()
    one_pass = torch.cat([batches.batch(i)[1] for i in range(3)])
    assert len(one_pass.unique()) == 9
    assert one_pass.tolist() != torch.cat([batches.batch(i)[1] for i in range(3, 6)]).tolist()
    assert real().batch(4)[1].tolist() == batches.batch(4)[1].tolist()
    x, y = batches.batch(0)
    torch.testing.assert_close(x.flatten(), y / 255)


def test_the_last_short_batch_of_a_pass_counts_if_it_is_asked_for():
    batches = real(short_batches=True)
    one_pass = [batches.batch(i)[1] for i in range(4)]
    assert [len(y) for y in one_pass] == [3, 3, 3, 1]
    assert torch.cat(one_pass).unique().tolist() == [*range(10)]
    assert all(torch.equal(batches.batch(i)[1], real().batch(i)[1]) for i in range(3))
    assert len(batches.batch(4)[1]) == 3
    assert real(n=9, short_batches=True).per_pass == 3
    papers = {"mnist": (60_000, 59), "cifar10": (50_000, 49), "usps": (7_438, 8), "cub200": (5_994, 6)}
    for images, in_a_pass in papers.values():
        assert real(n=images, batch=1024, short_batches=True).per_pass == in_a_pass


def test_real_batches_grow_at_half_time_and_repeat_nothing():
    config = DistillConfig(meta_steps=5, real_batch_growth=3)
    assert [[*config.real_batches_at(step)] for step in range(5)] == [[0], [1], [2, 3, 4], [5, 6, 7], [8, 9, 10]]


def test_a_real_batch_larger_than_the_data_is_refused():
    with pytest.raises(UserError, match="real_batch: 11 is more than the 10 training images"):
        real(batch=11)


@pytest.mark.parametrize(
    ("share", "step", "clip"),
    [(0.5, 0, 2), (0.5, 10, 2), (0.5, 15, 4), (0.5, 19, 20), (1.0, 19, 2), (0.0, 0, 2), (0.0, 10, 4)],
)
def test_clip_adjoint_grows_after_its_share(share, step, clip):
    config = DistillConfig(meta_steps=20, clip_adjoint=2.0, clip_adjoint_share=share)
    assert config.clip_adjoint_at(step) == pytest.approx(clip)
    assert DistillConfig(meta_steps=20, clip_adjoint_share=share).clip_adjoint_at(step) == 0
