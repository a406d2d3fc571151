"""Baselines by a protocol, on networks of any kind: real images take the place of distilled ones, and nothing else."""

from dataclasses import replace
from functools import partial

import pandas as pd
import pytest

from dd.baselines import BASELINES
from dd.baselines.by_protocol import ByProtocol
from dd.baselines.grid import measure
from dd.baselines.optimized import images_to_choose_on
from dd.baselines.random import random_set
from dd.baselines.settings import BaselineSettings
from dd.baselines.trial import BaselineTrial
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.evaluation.held_out import evaluate
from dd.evaluation.made_for import for_net
from dd.evaluation.plain_nets import initial_for
from dd.evaluation.protocols import PROTOCOLS
from dd.report.tables.table_rows import baseline_row

LAST = {"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}
FEW = BaselineSettings(draws=2, test_nets=3, candidates=3, candidate_nets=2)


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


@pytest.fixture(scope="module")
def distilled(dataset):
    """Of all training images, so that none could be held out from baselines."""
    config = DistillConfig(steps=3, epochs=2, nets=1, real_batch=64, train_on_all=True, distill_lr=0.1)
    experiment = Experiment(config, dataset)
    experiment.trainer.step()
    return experiment.distilled(LAST)


@pytest.fixture
def trial(distilled, dataset):
    def make(name, protocol):
        chosen = PROTOCOLS[protocol]
        own = for_net(distilled, name, random_init=chosen.plain_nets)
        return BaselineTrial(own, dataset, initial_for(own, chosen), FEW, networks=partial(ByProtocol, chosen))

    return make


@pytest.mark.parametrize(("name", "protocol"), [("LeNet", "native"), ("MLP", "native"), ("MLP", "dc")])
def test_the_images_of_the_set_itself_reach_its_own_accuracy(trial, name, protocol):
    made = trial(name, protocol)
    row = made.networks(made).test(made.distilled.images, {"protocol": protocol})
    own = evaluate(made.distilled, made.dataset, made.initial, 3, protocol=protocol)
    after = own[own["stage"] == "after"]["accuracy"]
    expected = {"accuracy": after.mean(), "accuracy_std": after.std(), "nets": 3}
    assert row.pop("protocol") == protocol
    assert row == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", [name for name, each in BASELINES.items() if each.classifier == "gradient descent"])
def test_nothing_is_tried_and_no_image_is_held_out(trial, dataset, name):
    done, made = [], trial("LeNet", "native")
    made.on_progress = lambda: done.append(1)
    table = measure(BASELINES[name], made)
    assert len(done) == BASELINES[name].progress_steps(FEW, tries=False)
    assert set(table["stage"]) == {"test"}
    assert set(table["chosen_on"]) == {"nothing"}
    assert len(table) == (1 if name == "average" else FEW.draws)
    assert len(made.real.images.x) == len(dataset.x_train)


def test_optimized_sets_are_the_best_by_the_protocol(trial):
    made = trial("LeNet", "native")
    by_protocol = made.networks(made)
    candidates = [random_set(made.real, draw) for draw in range(2, 5)]
    judged = images_to_choose_on(made.real)
    scores = []
    for images in candidates:
        (row,) = by_protocol.try_all(images, judged, stream="optimized", nets=2)
        scores.append(row["accuracy"])
    worst = candidates[scores.index(min(scores))]
    optimized = BASELINES["optimized"].sets(made)
    assert not any(images.equal(worst) for images in optimized)


def test_the_command_trains_another_network_as_the_field_does(dd, distilled, digits, tmp_path, trial):
    path, out = tmp_path / "set.safetensors", tmp_path / "random.csv"
    distilled.save(path)
    source = ("--set", path, "--data", digits, "--draws", 1, "--test-nets", 3, "--out", out)
    done = dd("baseline", "random", *source, "--net", "MLP", "--protocol", "dc")
    assert done.returncode == 0, done.stderr
    assert "over 1 set(s) and 3 net(s), dc" in done.stdout
    (row,) = pd.read_csv(out).to_dict("records")
    made = trial("MLP", "dc")
    images = random_set(made.real, 0)
    real = replace(made.distilled, images=images, labels=made.labels(images))
    expected = evaluate(real, made.dataset, made.initial, 3, protocol="dc")
    assert row["accuracy"] == pytest.approx(expected[expected["stage"] == "after"]["accuracy"].mean(), abs=1e-3)
    shown = baseline_row(pd.read_csv(out))
    assert (shown.combination, shown.chosen_on) == ("dc", "")
    assert (row["net"], row["protocol"], row["chosen_on"], row["nets"]) == ("MLP", "dc", "nothing", 3)


def test_another_network_alone_is_trained_in_every_combination(dd, digits, tmp_path):
    config = DistillConfig(init="fixed", steps=1, epochs=1, nets=1, real_batch=64, validation_images=50)
    Experiment(config, load(digits)).distilled(LAST).save(tmp_path / "set.safetensors")
    out = tmp_path / "average.csv"
    source = ("--set", tmp_path / "set.safetensors", "--data", digits, "--nets", 1, "--test-nets", 2, "--out", out)
    done = dd("baseline", "average", *source, "--net", "MLP")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(out)
    assert set(table["stage"]) == {"choice", "test"}
    assert set(table["net"]) == {"MLP"}
    assert set(table["made_for"]) == {"fixed"}


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("knn_random", ("--net", "MLP"), "--net: knn_random trains no network; leave it out"),
        ("knn_k_means", ("--protocol", "dc"), "--protocol: knn_k_means trains no network; leave it out"),
        ("random", ("--protocol", "soft"), "--protocol soft: is for learned labels"),
        ("random", ("--net", "LeNets"), "net 'LeNets' is not known"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(dd, distilled, digits, tmp_path, name, options, told):
    path, out = tmp_path / "set.safetensors", tmp_path / "out.csv"
    distilled.save(path)
    done = dd("baseline", name, "--set", path, "--data", digits, *options, "--out", out)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
