"""The minutes that jobs ask a cluster for."""

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from dd.adaptation.fada_training import FadaConfig
from dd.nets import NETWORKS
from dd.nets.factory import build
from dd.plan.plan import Plan
from dd.plan.wall_time import DAY, FADA_IMAGES, FADA_STEPS, Work, of_image
from tests.conftest import ROOT, load_yaml

SIZES = {"LeNet": (1, 28), "AlexNet": (3, 224), "EfficientNetLite0": (3, 224)}
"""Channels and pixels; of the others (3, 32)."""


@pytest.fixture(scope="module")
def plan():
    return Plan(load_yaml(ROOT / "config.yaml"))


@pytest.mark.parametrize("net", NETWORKS)
def test_operations_are_those_that_pytorch_counts(net):
    channels, size = SIZES.get(net, (3, 32))
    module, images = build(net, channels, size, 10).eval(), torch.zeros(2, channels, size, size)
    with FlopCounterMode(display=False) as counted:
        module(images)
    forward_and_backward = 3 * counted.get_total_flops() / len(images) / 1e6
    assert of_image(net) == pytest.approx(forward_and_backward, rel=0.3)


def test_what_was_run_on_that_gpu_fits(plan):
    """The one distillation of the paper's scale that was run on an H100 took 11 and a half minutes."""
    asked = plan.wall_time.distillation("mnist_random").minutes(gpu=True, attempt=1, resumes=True)
    assert 11.5 < asked < 60


def test_all_of_the_paper_asks_for_a_few_times_its_estimate(plan):
    """Its 220 shards, and its distillations, whose seeds and points cost as much as theirs."""
    estimate = float(re.search(r"\| together \| ([\d.]+)", (ROOT / "benchmarks/README.md").read_text())[1])
    work = plan.wall_time
    jobs = [work.shard(pool) for pool in plan.config.pools for _ in plan.pools.shards(pool)]
    jobs += [work.distillation(name) for name in plan.config.all_experiments]
    asked = sum(job.minutes(gpu=True, attempt=1, resumes=True) for job in jobs) / 60
    assert estimate < asked < 5 * estimate


def test_more_at_each_attempt_and_without_a_gpu_and_at_most_a_day_where_a_job_resumes():
    hour = Work(6.4e6 * 3600)
    assert [hour.minutes(gpu=True, attempt=attempt, resumes=True) for attempt in (1, 2)] == [190, 380]
    for attempt in (1, 4):
        assert hour.minutes(gpu=False, attempt=attempt, resumes=True) == DAY
        assert hour.minutes(gpu=False, attempt=attempt, resumes=False) == 7 * DAY
    assert Work(0, steps=960 * 3600).seconds() == 3600  # a small network


def test_a_fixed_net_is_tried_once_and_nearest_neighbours_take_minutes(plan):
    work = plan.wall_time
    assert work.evaluation("mnist_fixed", 200) == work.evaluation("mnist_fixed", 1)
    one, all_of_them = (work.evaluation("mnist_random", nets).operations for nets in (1, 200))
    assert all_of_them == pytest.approx(200 * one)
    assert work.baseline("mnist_random", "knn_random").seconds() == 0
    assert work.baseline("cifar10_random", "random").seconds() > 60
    for method in ("full", "fada"):
        assert work.adaptation("mnist_usps_random", method).seconds() > 0
    assert work.transfer("mnist_random").seconds() > 0


def test_few_photos_are_adapted_to_in_minutes(plan):
    assert plan.wall_time.adaptation("birds10", "full").seconds() < 600


def test_fadas_steps_are_those_of_its_settings():
    config = FadaConfig()
    assert config.warm_up + config.steps == FADA_STEPS
    assert pytest.approx(2 * config.real_batch + 2 * config.pairs, rel=0.1) == FADA_IMAGES


def test_judging_grows_with_its_trainings():
    config = load_yaml(ROOT / "config.yaml")
    config["judge"] = {"experiments": ["mnist_random"], "nets": ["LeNet"], "protocols": ["dc"]}
    one = Plan(config).wall_time.judgement()
    config["judge"]["protocols"] = ["dc", "soft"]
    assert Plan(config).wall_time.judgement().operations == 2 * one.operations > 0
    config["judge"] |= {"protocols": ["native"], "rank": False, "held_out": 5}
    own = Plan(config).wall_time.judgement()
    assert own.steps == 5 * 10 * 3  # steps and epochs of mnist_random
    config["judge"]["epochs"] = [1, 30]
    longer = Plan(config).wall_time.judgement()
    assert longer.steps == 5 * 10 * 31
    assert longer.operations > own.operations > 0
