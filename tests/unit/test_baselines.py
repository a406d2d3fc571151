"""Baselines: their images, the combinations that are tried, neighbours; a new one."""

import re
from dataclasses import replace

import pandas as pd
import pytest
import torch

from dd.baselines import BASELINES, gradient_descent, optimized
from dd.baselines.average import average_set
from dd.baselines.gradient_descent import EPOCHS, RATES, GradientDescent
from dd.baselines.grid import measure
from dd.baselines.k_means import k_means_set
from dd.baselines.optimized import images_to_choose_on
from dd.baselines.random import random_set
from dd.baselines.real_images import RealImages
from dd.baselines.settings import BaselineSettings
from dd.baselines.trial import BaselineTrial, summary
from dd.data.batches import normalise
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.nets.init_schemes import flat_weights
from dd.runtime.errors import UserError
from tests.conftest import checkout
from tests.warm import run_module

LAST = {"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}
FEW = BaselineSettings(draws=2, nets=2, test_nets=3, candidates=3, candidate_nets=2)
SMALL = {"steps": 3, "epochs": 2, "real_batch": 64, "validation_images": 100, "distill_lr": 0.1}


@pytest.fixture(autouse=True)
def few_images_to_choose_on(monkeypatch):
    monkeypatch.setattr(optimized, "IMAGES", 128)


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


@pytest.fixture
def real(dataset):
    def make(augmentation="none", **settings):
        images = dataset.training_images()._replace(augmentation=augmentation)
        return RealImages(images, **{"classes": 10, "steps": 3, "per_step": 2, "seed": 0} | settings)

    return make


@pytest.fixture(scope="module")
def trial(dataset):
    made = {}

    def make(init="random", settings=FEW, dataset=dataset, **more):
        if (init, id(dataset)) not in made:
            made[init, id(dataset)] = Experiment(DistillConfig(init=init, nets=1, **SMALL), dataset)
            made[init, id(dataset)].trainer.step()
        experiment = made[init, id(dataset)]
        return BaselineTrial(experiment.distilled(LAST), dataset, experiment.initial, settings, **more)

    return make


@pytest.mark.parametrize("name", BASELINES)
def test_sets_have_the_shape_of_distilled_ones_with_classes_in_order(trial, name):
    sets = BASELINES[name].sets(trial())
    assert len(sets) == (1 if name == "average" else FEW.draws)
    assert {images.shape for images in sets} == {(3, 10, 1, 28, 28)}


def test_random_images_are_real_ones_of_their_class_without_repeats(real, dataset):
    images = random_set(real(), 4)
    normalised = normalise(dataset.x_train, dataset.mean, dataset.std).flatten(1)
    found = [(normalised == image.flatten()).all(1).nonzero() for image in images.flatten(0, 1)]
    labels = [dataset.y_train[rows[0, 0]].item() for rows in found]
    assert labels == [c for c in range(10) for _ in range(2)] * 3
    assert len({rows[0, 0].item() for rows in found}) == 60
    assert torch.equal(images, random_set(real(), 4))
    assert not torch.equal(images, random_set(real(), 5))


def test_average_is_the_mean_of_the_class_in_every_step(real, dataset):
    images = average_set(real())
    expected = normalise(dataset.x_train[dataset.y_train == 7], dataset.mean, dataset.std).mean(0)
    for step in range(3):
        torch.testing.assert_close(images[step, 7], expected)


def test_means_make_minibatches_as_large_as_those_of_the_set(dataset):
    config = DistillConfig(steps=1, images_per_class=4, batch_per_class=2, epochs=2, nets=1, validation_images=100)
    experiment = Experiment(config, dataset)
    trial = BaselineTrial(experiment.distilled(LAST), dataset, experiment.initial, FEW)
    table = measure(BASELINES["average"], trial)
    assert table["accuracy"].notna().all()
    (images,) = BASELINES["average"].sets(trial)
    assert images.shape[:2] == (1, 40)
    assert torch.equal(images[0, ::4], average_set(trial.real)[0])


def test_centroids_are_nearer_to_their_class_than_random_images(real):
    made = real()

    def distance(images):
        own = made.prepared(made.of_class(3), label=3, draw=0).flatten(1)
        return torch.cdist(own, images[:, 6:8].flatten(0, 1).flatten(1)).min(1).values.mean()

    assert distance(k_means_set(made, 0)) < 0.9 * distance(random_set(made, 0))


def test_optimized_sets_come_from_other_draws_than_random_ones(trial):
    random, best = (BASELINES[name].sets(trial()) for name in ("random", "optimized"))
    assert not any(torch.equal(a, b) for a in random for b in best)


def test_optimized_sets_are_the_best_of_the_candidates(trial):
    made = trial()
    descent, judged = GradientDescent(made), images_to_choose_on(made.real)
    candidates = [random_set(made.real, draw) for draw in range(2, 5)]
    scores = []
    for images in candidates:
        rows = descent.measure(images, RATES, EPOCHS, judged, stream="optimized", nets=2)
        scores.append(max(row["accuracy"] for row in rows))
    worst = min(range(3), key=lambda number: scores[number])
    best = BASELINES["optimized"].sets(made)
    assert len(best) == 2
    assert not any(torch.equal(images, candidates[worst]) for images in best)


@pytest.mark.parametrize("make", [random_set, k_means_set, lambda images, _draw: average_set(images)])
def test_augmented_images_are_others_and_the_same_again(real, make):
    plain, augmented, again = (make(real(name), 0) for name in ("none", "crop_flip", "crop_flip"))
    assert not torch.equal(plain, augmented)
    assert torch.equal(augmented, again)


@pytest.mark.parametrize("make", [random_set, k_means_set])
def test_too_few_images_of_a_class(real, make):
    with pytest.raises(UserError, match="but a set needs 600; lower steps"):
        make(real(steps=300), 0)
    assert len(average_set(real(steps=300))) == 300


def test_learned_rates_are_cut_or_their_last_epoch_repeated(trial):
    made = GradientDescent(trial())
    lrs = made.trial.distilled.lrs
    assert torch.equal(made.rates("learned"), lrs[[0, 1, 1, 1, 1]])
    assert torch.equal(made.rates(0.1), torch.full((5, 3), 0.1))


def test_one_run_serves_all_numbers_of_epochs(trial, monkeypatch):
    """After 3 epochs of the run of 5 the nets are those of 3 epochs of plain SGD, in parts or all at once."""
    made = trial()
    descent = GradientDescent(made)
    images = random_set(made.real, 0)
    rows = descent.measure(images, [0.1], EPOCHS, made.test, stream="choice", nets=3)
    monkeypatch.setattr(gradient_descent, "NETS_AT_ONCE", 2)
    assert descent.measure(images, [0.001, 0.1], EPOCHS, made.test, stream="choice", nets=3)[3:] == rows
    nets = []
    for start in made.distilled.initial()("choice", range(3)):
        net = made.distilled.make()
        torch.nn.utils.vector_to_parameters(start.clone(), net.parameters())
        sgd = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            for x, y in zip(images, made.labels(images), strict=True):
                sgd.zero_grad()
                torch.nn.functional.cross_entropy(net(x), y).backward()
                sgd.step()
        nets.append(flat_weights(net))
    expected = summary(made.distilled.measures(descent.net, torch.stack(nets), *made.test))
    assert rows[EPOCHS.index(3)] == pytest.approx({"lr": 0.1, "epochs": 3} | expected, abs=200 / len(made.test.x))


@pytest.mark.parametrize("name", BASELINES)
def test_the_best_combination_is_tested_and_the_others_are_kept(trial, name):
    done, baseline = [], BASELINES[name]
    made = trial()
    made.on_progress = lambda: done.append(1)
    table = measure(baseline, made)
    assert len(done) == baseline.progress_steps(FEW)
    knn = baseline.classifier == "neighbours"
    keys, tried = (["metric", "neighbours"], 4) if knn else (["lr", "epochs"], len(RATES) * len(EPOCHS))
    draws = 1 if name == "average" else 2
    assert next(iter(table)) == "kind"
    assert set(table["kind"]) == {"baseline"}
    choice, test = (table[table["stage"] == stage] for stage in ("choice", "test"))
    assert len(choice) == tried * draws
    assert len(test) == draws
    means = choice.groupby(keys)["accuracy"].mean()
    assert means.loc[tuple(test[keys].iloc[0])] == means.max()
    assert set(choice["images"]) == {100}
    assert set(test["images"]) == {500}
    assert set(test["nets"]) == {1 if knn else 3}
    assert table["accuracy"].between(0, 100).all()


def test_neighbours_are_at_most_the_images(dataset):
    of = {part: dataset.__dict__[f"y_{part}"] < 2 for part in ("train", "test")}
    kept = {f"{axis}_{part}": dataset.__dict__[f"{axis}_{part}"][rows] for part, rows in of.items() for axis in "xy"}
    two = replace(dataset, **kept, classes=["0", "1"])
    experiment = Experiment(DistillConfig(steps=1, epochs=1, nets=1, real_batch=64, validation_images=20), two)
    made = BaselineTrial(experiment.distilled(LAST), two, experiment.initial, FEW)
    table = measure(BASELINES["knn_random"], made)
    assert set(table["neighbours"]) == {1}


def test_a_class_without_images_left_is_named(dataset):
    rare = replace(dataset, classes=[*dataset.classes, "rare"], y_train=dataset.y_train.clone())
    _, kept = dataset.split(100, 0)
    rare.y_train[kept[:2]] = 10
    with pytest.raises(UserError, match="validation_images: 100 leaves no training image of class rare; lower it"):
        Experiment(DistillConfig(steps=3, nets=1, real_batch=64, validation_images=100), rare)


def test_augmented_images_are_told(trial, dataset):
    augmented = replace(dataset, info=dataset.info | {"augmentation": "crop_flip"})
    tables = [measure(BASELINES["knn_random"], trial(dataset=each)) for each in (augmented, dataset)]
    assert [table["augment"].unique().tolist() for table in tables] == [[True], [False]]


def test_a_fixed_initialisation_is_one_net(trial):
    table = measure(BASELINES["average"], trial("fixed"))
    assert set(table["nets"]) == {1}


def test_sets_never_hold_the_images_that_choose(trial, dataset):
    made = trial()
    train = [image.numpy().tobytes() for image in dataset.x_train]
    kept = {image.numpy().tobytes() for image in made.choice.x}
    for x in (made.real.images.x, images_to_choose_on(made.real).x):
        assert not {b for image in x if train.count(b := image.numpy().tobytes()) == 1} & kept
    assert len(made.real.images.x) == len(dataset.x_train) - 100
    on_test = trial(settings=BaselineSettings(choose_on="test"))
    assert on_test.choice is on_test.test
    assert len(on_test.real.images.x) == len(dataset.x_train)


def test_candidates_are_at_least_the_draws(trial):
    with pytest.raises(UserError, match="candidates: 3 are fewer than the 10 draws"):
        measure(BASELINES["optimized"], trial(settings=BaselineSettings(candidates=3)))


@pytest.mark.parametrize("name", BASELINES)
def test_settings_that_do_not_matter_to_a_baseline_change_nothing(trial, name):
    """The workflow leaves them out, so that a change of them measures nothing anew."""
    few = {"draws": 1, "nets": 1, "test_nets": 1, "candidates": 2, "candidate_nets": 1}
    unheard = {key: value + 1 for key, value in few.items() if key not in BASELINES[name].settings}
    tables = [measure(BASELINES[name], trial(settings=BaselineSettings(**few | more))) for more in ({}, unheard)]
    assert tables[0].equals(tables[1])


MIDDLE = '''"""Baseline: the image of each class that is in the middle of its list."""

from dd.baselines.baseline import Baseline


def middle_sets(trial):
    import torch

    real, chosen = trial.real, []
    for label in range(real.classes):
        rows = real.of_class(label)
        chosen.append(real.prepared(rows[len(rows) // 2].repeat(real.per_class), label, draw=0))
    return [real.in_steps(chosen)]


BASELINE = Baseline(
    name="middle",
    order=3,
    label="Middle real",
    description="the image in the middle of each class",
    sets=middle_sets,
    classifier="gradient descent",
    settings=("nets", "test_nets", "choose_on"),
    module=__name__,
)
'''


def test_a_new_baseline_is_one_new_file(trial, digits, tmp_path):
    copy = checkout(tmp_path)
    (copy / "dd/baselines/middle.py").write_text(MIDDLE)
    trial().distilled.save(tmp_path / "set.safetensors")

    def run(*words):
        return run_module("dd", "baseline", *words, folder=copy)

    assert "k_means       centroids of k-means in each class\n    middle        the image in" in run("--help").stdout
    source = ("--set", tmp_path / "set.safetensors", "--data", digits)
    done = run("middle", *source, "--nets", 1, "--test-nets", 1, "--out", tmp_path / "middle.csv")
    assert re.search(r"middle: [\d.]+ \[[\d.]+, [\d.]+\] % over 1 set\(s\) and 1 net\(s\)", done.stdout), done.stderr
    table = pd.read_csv(tmp_path / "middle.csv")
    assert set(table["baseline"]) == {"middle"}
    assert set(table["stage"]) == {"choice", "test"}
    done = run("middle_", *source, "--out", tmp_path / "x.csv")
    assert "'middle_' is not one of 'random', 'optimized'" in done.stderr
