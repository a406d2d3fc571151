"""Baselines: their images, their grid, neighbours."""

from dataclasses import replace

import pytest
import torch

from dd.baselines import grid
from dd.baselines.grid import EPOCHS, KINDS, RATES, Judge, Protocol, measure, sets_of, summary
from dd.baselines.real_images import SETS, RealImages, sets
from dd.data.batches import normalise
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.nets.init_schemes import flat_weights
from dd.runtime.errors import UserError

LAST = {"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}
FEW = Protocol(draws=2, nets=2, test_nets=3, candidates=3, candidate_nets=2)


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


@pytest.fixture
def real(dataset):
    def make(**settings):
        images = (dataset.x_train, dataset.y_train, dataset.mean, dataset.std)
        return RealImages(*images, **{"classes": 10, "steps": 3, "per_step": 2, "seed": 0} | settings)

    return make


@pytest.fixture(scope="module")
def judge(dataset):
    def make(init="random", protocol=FEW):
        config = DistillConfig(
            init=init, steps=3, epochs=2, nets=1, real_batch=64, validation_images=100, distill_lr=0.1
        )
        experiment = Experiment(config, dataset)
        experiment.trainer.step()
        return Judge(experiment.distilled(LAST), dataset, experiment.initial, protocol)

    return make


@pytest.mark.parametrize("kind", SETS)
def test_sets_have_the_shape_of_distilled_ones_with_classes_in_order(real, kind):
    images = SETS[kind](real(), 0)
    n = 10 if kind == "average" else 20
    assert images.shape == (3, n, 1, 28, 28)


def test_random_images_are_real_ones_of_their_class_without_repeats(real, dataset):
    images = SETS["random"](real(), 4)
    normalised = normalise(dataset.x_train, dataset.mean, dataset.std).flatten(1)
    found = [(normalised == image.flatten()).all(1).nonzero() for image in images.flatten(0, 1)]
    labels = [dataset.y_train[rows[0, 0]].item() for rows in found]
    assert labels == [c for c in range(10) for _ in range(2)] * 3
    assert len({rows[0, 0].item() for rows in found}) == 60
    assert torch.equal(images, SETS["random"](real(), 4))
    assert not torch.equal(images, SETS["random"](real(), 5))


def test_average_is_the_mean_of_the_class_in_every_step(real, dataset):
    images = SETS["average"](real(), 0)
    expected = normalise(dataset.x_train[dataset.y_train == 7], dataset.mean, dataset.std).mean(0)
    for step in range(3):
        torch.testing.assert_close(images[step, 7], expected)


def test_centroids_are_nearer_to_their_class_than_random_images(real, dataset):
    made = real()

    def distance(images):
        own = normalise(made.of_class(3), dataset.mean, dataset.std).flatten(1)
        return torch.cdist(own, images[:, 6:8].flatten(0, 1).flatten(1)).min(1).values.mean()

    assert distance(SETS["k_means"](made, 0)) < 0.9 * distance(SETS["random"](made, 0))


def test_optimized_sets_come_from_other_draws_than_random_ones(real):
    random, optimized = (list(sets(kind, real(), 2, 3)) for kind in ("random", "optimized"))
    assert len(random) == 2
    assert len(optimized) == 3
    assert not any(torch.equal(a, b) for a in random for b in optimized)


def test_augmented_images_are_others_and_the_same_again(real):
    plain, augmented, again = (SETS["random"](real(augment=a), 0) for a in (False, True, True))
    assert not torch.equal(plain, augmented)
    assert torch.equal(augmented, again)


@pytest.mark.parametrize("kind", ["random", "k_means"])
def test_too_few_images_of_a_class(real, kind):
    with pytest.raises(UserError, match="but a set needs 600; lower steps"):
        SETS[kind](real(steps=300), 0)
    assert len(SETS["average"](real(steps=300), 0)) == 300


def test_learned_rates_are_cut_or_their_last_epoch_repeated(judge):
    made = judge()
    lrs = made.distilled.lrs
    assert torch.equal(made.rates("learned"), lrs[[0, 1, 1, 1, 1]])
    assert torch.equal(made.rates(0.1), torch.full((5, 3), 0.1))


def test_one_run_serves_all_numbers_of_epochs(judge, monkeypatch):
    """After 3 epochs of the run of 5 the nets are those of 3 epochs of plain SGD, in parts or together."""
    made = judge()
    images = SETS["random"](made.real, 0)
    rows = made.after([0.1], EPOCHS, images, made.test, "choice", 3)
    monkeypatch.setattr(grid, "NETS_AT_ONCE", 2)
    assert made.after([0.001, 0.1], EPOCHS, images, made.test, "choice", 3)[3:] == rows
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
    expected = summary(**made.distilled.measures(made.net, torch.stack(nets), *made.test))
    assert rows[EPOCHS.index(3)] == pytest.approx({"lr": 0.1, "epochs": 3} | expected, abs=200 / len(made.test[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_combination_is_tested_and_the_grid_kept(judge, kind):
    done = []
    table = measure(kind, judge(), lambda: done.append(1))
    assert len(done) == sets_of(kind, FEW)
    knn = kind.startswith("knn")
    keys, tried = (["metric", "neighbours"], 4) if knn else (["lr", "epochs"], len(RATES) * len(EPOCHS))
    draws = 1 if kind == "average" else 2
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
    table = measure("knn_random", Judge(experiment.distilled(LAST), two, experiment.initial, FEW))
    assert set(table["neighbours"]) == {1}


def test_a_class_without_images_left_is_named(dataset):
    rare = replace(dataset, classes=[*dataset.classes, "rare"], y_train=dataset.y_train.clone())
    _, kept = dataset.split(100, 0)
    rare.y_train[kept[:2]] = 10
    with pytest.raises(UserError, match="validation_images: 100 leave no training image of class rare; lower them"):
        Experiment(DistillConfig(steps=3, nets=1, real_batch=64, validation_images=100), rare)


def test_augmented_images_are_told(judge):
    tables = [measure(kind, judge(protocol=replace(FEW, augment=True))) for kind in ("knn_random", "knn_k_means")]
    assert [table["augment"].unique().tolist() for table in tables] == [[True], [False]]


def test_a_fixed_initialisation_is_one_net(judge):
    table = measure("average", judge("fixed"))
    assert set(table["nets"]) == {1}


def test_sets_never_hold_the_images_that_choose(judge, dataset):
    made = judge()
    train = [image.numpy().tobytes() for image in dataset.x_train]
    kept = {image.numpy().tobytes() for image in made.choice[0]}
    for x in (made.real.x, made.optimized_images[0]):
        assert not {b for image in x if train.count(b := image.numpy().tobytes()) == 1} & kept
    assert len(made.real.x) == len(dataset.x_train) - 100
    on_test = judge(protocol=Protocol(choose_on="test"))
    assert on_test.choice is on_test.test
    assert len(on_test.real.x) == len(dataset.x_train)


def test_candidates_are_at_least_the_draws(judge):
    with pytest.raises(UserError, match="candidates: 3 are fewer than the 10 draws"):
        measure("optimized", judge(protocol=Protocol(candidates=3)))
