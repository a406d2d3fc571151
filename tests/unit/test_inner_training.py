"""Trainings beyond the paper's as settings: minibatches, Adam, rates, windows, from the meta-step to the set."""

import importlib
import itertools
from dataclasses import replace

import pytest
import torch

import dd
from dd.baselines.gradient_descent import GradientDescent
from dd.baselines.settings import BaselineSettings
from dd.baselines.trial import BaselineTrial
from dd.data.prepared import load
from dd.distill.differentiable_augmentation import augmentation_of
from dd.distill.distilled_set import DistilledSet
from dd.distill.experiment import Experiment
from dd.distill.inner_steps import shuffled
from dd.distill.inner_training import native_steps, of_meta_step
from dd.distill.loss import classification
from dd.distill.optimisers import Momentum
from dd.distill.settings import DistillConfig
from dd.distill.unroll import UnrollOptions, meta_gradient, train
from dd.evaluation.protocols import PROTOCOLS
from dd.nets.init_schemes import flat_weights
from dd.nets.stacked import StackedNet
from dd.report.figures.distilled_images import draw
from dd.runtime.errors import UserError
from dd.runtime.seeds import derive, generator
from tests.conftest import ROOT

SMALL = {"net": "MLP", "steps": 2, "epochs": 4, "nets": 2, "real_batch": 64, "validation_images": 100, "meta_steps": 20}
MINIBATCHES = {"steps": 1, "images_per_class": 4, "batch_per_class": 2, "distill_lr": 0.05}
VARIANTS = {
    "minibatches": MINIBATCHES | {"rates": "one"},
    "adam, an epoch a rate": {"optimiser": "adam", "rates": "epoch", "distill_lr": 0.001},
    "window": {"window": 3, "momentum": 0.5, "shuffle_steps": True},
    "all": MINIBATCHES
    | {"optimiser": "adam", "rates": "one", "fixed_rates": True, "window": 5, "soft_labels": True, "clip_adjoint": 2.0},
    "changed images": {"dsa": "crop_rotate_color", "dsa_real": True},
    "poisoned": MINIBATCHES | {"window": 2, "attack_class": 1, "target_class": 7},
}
LAST = {"accuracy": 50.0, "accuracy_std": 1.0, "nets": 4}


@pytest.fixture
def experiment(digits):
    def make(**settings):
        return Experiment(DistillConfig(**SMALL | settings), load(digits))

    return make


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_restored_state_goes_on_bit_for_bit(experiment, variant):
    straight, first, second = (experiment(**VARIANTS[variant]).trainer for _ in range(3))
    for _ in range(5):
        straight.step()
    for _ in range(2):
        first.step()
    tensors, values = first.state()
    second.restore({name: t.clone() for name, t in tensors.items()}, values)
    for _ in range(3):
        second.step()
    for name, tensor in straight.state()[0].items():
        assert torch.equal(tensor, second.state()[0][name]), name
    assert straight.state()[1] == second.state()[1]
    assert not torch.equal(straight.learned.images, experiment(**VARIANTS[variant]).trainer.learned.images)


def test_shuffled_steps_come_in_another_order_in_every_meta_step(experiment):
    trainer = experiment(shuffle_steps=True, steps=5, epochs=2, momentum=0.5).trainer
    orders = [shuffled(trainer.learned.data(), generator(0, "order", meta_step)) for meta_step in range(2)]
    assert orders[0] != orders[1]
    for meta_step, order in enumerate(orders):
        theta = trainer.initial("train", [2 * meta_step, 2 * meta_step + 1])
        options, real_batch = UnrollOptions(steps=order, optimiser=Momentum(0.5)), trainer.real.batch(meta_step)
        expected = meta_gradient(trainer.loss, theta, trainer.learned.data(), *real_batch, options=options)
        trainer.step()
        torch.testing.assert_close(trainer.learned.images.grad, expected.gradient.images, rtol=1e-3, atol=1e-7)


def test_a_window_of_all_steps_gives_the_set_of_no_window(experiment):
    whole, windowed = (experiment(window=window, momentum=0.5).trainer for window in (0, 8))
    for _ in range(3):
        whole.step()
        windowed.step()
    for name, tensor in whole.state()[0].items():
        assert torch.equal(tensor, windowed.state()[0][name]), name


def test_windows_end_anywhere_as_the_seed_and_the_meta_step_say(experiment):
    trainer = experiment(window=3).trainer
    data = trainer.learned.data()

    def ends(seed):
        config = trainer.config.model_copy(update={"seed": seed, "meta_steps": 300})
        drawn = [of_meta_step(config, data, meta_step, reverse_over_forward=True) for meta_step in range(300)]
        return [len(options.steps) for options in drawn]

    assert ends(0) == ends(0) != ends(1)
    counts = torch.tensor(ends(0)).bincount(minlength=9).tolist()
    assert counts[:3] == [0, 0, 0]
    assert min(counts[3:]) > 25  # 50 expected of each of 3 to 8


def test_a_meta_step_is_judged_where_its_window_ends(experiment):
    trainer = experiment(window=3).trainer
    data, (x, y) = trainer.learned.data(), trainer.real.batch(0)
    options = of_meta_step(trainer.config, data, 0, reverse_over_forward=trainer.reverse_over_forward)
    theta, end = trainer.initial("train", [0, 1]), len(options.steps)
    meta = meta_gradient(trainer.loss, theta, data, x, y, options=options)
    whole = meta_gradient(trainer.loss, theta, data, x, y, options=replace(options, window=0))
    learned = meta.gradient.lrs.flatten() != 0
    assert learned.tolist() == [end - 3 <= place < end for place in range(8)]
    assert (whole.gradient.lrs.flatten() != 0).sum() == end
    assert torch.equal(whole.losses, meta.losses)
    assert trainer.step().loss == pytest.approx(meta.losses.mean().item())


@pytest.mark.parametrize("real", [False, True])
def test_images_are_changed_as_the_seed_the_meta_step_and_the_step_say(experiment, real):
    trainer = experiment(dsa="crop", dsa_crop=0.1, dsa_real=real).trainer
    data, theta, (x, y) = trainer.learned.data(), trainer.initial("train", [0, 1]), trainer.real.batch(0)
    change = augmentation_of("crop", 0.1)
    options = UnrollOptions(augment=lambda images, t: change(images, generator(0, "dsa", 0, t)))
    if real:
        x = change(x, generator(0, "dsa", 0, "real", 0))
    expected = meta_gradient(trainer.loss, theta, data, x, y, options=options)
    assert trainer.step().loss == pytest.approx(expected.losses.mean().item())
    torch.testing.assert_close(trainer.learned.images.grad, expected.gradient.images, rtol=1e-3, atol=1e-7)


def test_a_set_changes_its_images_in_every_training(experiment):
    made = experiment(dsa="rotate")
    made.trainer.step()
    distilled, theta = made.distilled(LAST), made.initial("held-out", [0])
    trained = distilled.trained(made.trainer.loss, theta)
    assert torch.equal(distilled.trained(made.trainer.loss, theta), trained)
    net, change = distilled.net(0), augmentation_of("rotate", 0.125)
    optimiser = torch.optim.SGD(net.parameters(), lr=1.0)
    for number, (epoch, step) in enumerate(itertools.product(range(4), range(2)), start=1):
        images = change(distilled.images[step], generator(0, "dsa", "native", number))
        optimiser.param_groups[0]["lr"] = distilled.lrs[epoch, step].item()
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(images), distilled.labels[step]).backward()
        optimiser.step()
    torch.testing.assert_close(flat_weights(net).detach(), trained[0], rtol=1e-3, atol=1e-4)
    distilled.info["config"] |= {"dsa": "none"}
    assert not torch.equal(distilled.trained(made.trainer.loss, theta), trained)


@pytest.mark.parametrize(("rates", "shape"), [("step", (4, 2)), ("epoch", (4, 1)), ("one", (1, 1))])
def test_rates_are_learned_together_or_not_at_all(experiment, rates, shape):
    made = experiment(rates=rates, meta_lr=0.1)
    for _ in range(2):
        made.trainer.step()
    raw = made.trainer.learned.raw_lrs
    assert raw.shape == shape
    assert len(raw.unique()) == raw.numel()
    assert torch.equal(made.distilled(LAST).lrs, torch.nn.functional.softplus(raw.detach()).expand(4, 2))

    fixed = experiment(rates=rates, fixed_rates=True, meta_lr=0.1)
    fixed.trainer.step()
    torch.testing.assert_close(fixed.distilled(LAST).lrs, torch.full((4, 2), 0.02))
    assert "raw_lrs" not in fixed.trainer.state()[0]


@pytest.mark.parametrize("variant", ["minibatches", "all"])
def test_an_order_free_set_is_trained_on_in_minibatches_of_its_seed(experiment, variant, tmp_path):
    made = experiment(**VARIANTS[variant])
    made.trainer.step()
    made.distilled(LAST).save(tmp_path / "set.safetensors")
    distilled = dd.load(tmp_path / "set.safetensors")
    config, theta = distilled.config, made.initial("held-out", [0])
    trained = PROTOCOLS["native"].train(distilled, made.trainer.loss, theta)
    torch.testing.assert_close(flat_weights(distilled.train(distilled.net(0))), trained[0])
    assert "  40 images [1, 28, 28], 2 minibatches of 20 x 4 epochs, " in repr(distilled)

    # in PyTorch's own words, with each pass's images drawn without replacement
    net, images, labels = distilled.net(0), distilled.images.flatten(0, 1), distilled.labels.flatten(0, 1)
    optimiser = {"adam": torch.optim.Adam, "gd": torch.optim.SGD}[config.optimiser](net.parameters(), lr=1.0)
    draw = torch.Generator().manual_seed(derive(config.seed, "minibatches"))
    order = torch.rand(4, 10, 4, generator=draw).argsort(2)
    for epoch in range(4):
        for batch in range(2):
            chosen = order[epoch, :, 2 * batch : 2 * batch + 2]
            rows = (4 * torch.arange(10).unsqueeze(1) + chosen).flatten()
            optimiser.param_groups[0]["lr"] = distilled.lrs[epoch, batch].item()
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(images[rows]), labels[rows]).backward()
            optimiser.step()
    torch.testing.assert_close(flat_weights(net).detach(), trained[0], rtol=1e-3, atol=1e-4)

    distilled.info["config"] |= {"seed": 1}
    assert not torch.equal(PROTOCOLS["native"].train(distilled, made.trainer.loss, theta), trained)


def test_a_set_from_before_these_settings_is_trained_on_as_then(experiment):
    made = experiment()
    made.trainer.step()
    new = made.distilled(LAST)
    theta, loss = made.initial("held-out", [0]), classification(StackedNet(new.make()))
    newer = {"batch_per_class", "optimiser", "rates", "fixed_rates", "window", "dsa", "dsa_crop", "dsa_real"}
    config = {key: value for key, value in new.info["config"].items() if key not in newer}
    old = DistilledSet(new.images, new.labels, new.lrs, new.mean, new.std, info=new.info | {"config": config})
    assert torch.equal(old.trained(loss, theta), new.trained(loss, theta))
    assert old.setting() == new.setting()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_set_says_how_it_differs_from_the_paper(experiment, variant):
    beyond = {
        "minibatches": "batch_per_class 2, rates one",
        "adam, an epoch a rate": "optimiser adam, rates epoch",
        "window": "shuffle_steps, momentum 0.5, window 3",
        "all": "soft_labels, batch_per_class 2, optimiser adam, rates one, fixed_rates, window 5",
        "changed images": "dsa crop_rotate_color",
        "poisoned": "batch_per_class 2, window 2",
    }
    assert experiment(**VARIANTS[variant]).distilled(LAST).setting()["beyond"] == beyond[variant]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_per_class": 3}, "batch_per_class: 3 must divide the 2 images of a class (steps x images_per_class)"),
        (
            {"batch_per_class": 1, "shuffle_steps": True},
            "shuffle_steps: minibatches (batch_per_class) have no steps to shuffle; leave it out",
        ),
        ({"optimiser": "adam", "momentum": 0.5}, "momentum: is of optimiser gd; adam has its own, so leave it out"),
        ({"window": 9}, "window: 9 must be at most 8, all GD steps (0 means all)"),
        ({"window": 5, "batch_per_class": 2}, "window: 5 must be at most 4, all GD steps (0 means all)"),
        (
            {"dsa": "crop_turn"},
            "dsa: 'crop_turn' is not one of none, crop, flip, scale, rotate, cutout, color, or crop_rotate_scale; "
            "did you mean crop?",
        ),
        ({"optimiser": "sgd"}, "optimiser: 'sgd' is not one of 'gd' or 'adam'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(UserError) as refused:
        DistillConfig(**SMALL | settings)
    assert str(refused.value) == message


def test_the_memory_of_a_meta_step_grows_with_the_window_alone(monkeypatch, worker_in_copy, capsys):
    """The benchmark in miniature: with 4 LeNets, each step that is kept takes a MiB."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    growth = importlib.import_module("growth")
    sizes = {"threads": 1, "batch": 64}
    monkeypatch.setattr(growth, "LENET", growth.LENET | sizes)
    monkeypatch.setattr(growth, "Worker", worker_in_copy)
    points = [(steps, {"steps": 10, "epochs": steps // 10, "window": 10}) for steps in (20, 100)]
    points.append((100, {"steps": 10, "epochs": 10}))
    few, many, whole = (row["MiB"] for row in growth.meta_steps("GD steps, window of 30", points, units=1))
    assert many - few < 30
    assert whole - many > 60
    assert "GD steps" in capsys.readouterr().out


def test_pictures_and_baselines_of_an_order_free_set(experiment, tmp_path):
    made = experiment(**VARIANTS["minibatches"], net="LeNet")
    distilled, path = made.distilled(LAST), tmp_path / "set.safetensors"
    distilled.lrs = torch.linspace(0.01, 0.08, 8).view(4, 2)
    distilled.save(path)
    texts = [text.get_text() for text in draw(set_path=path, metrics=[], steps="").picture.texts]
    assert "epoch 1: η = 0.015\nepoch 2: η = 0.035\nepoch 3: η = 0.055\nepoch 4: η = 0.075" in texts

    trial = BaselineTrial(distilled, made.dataset, made.initial, BaselineSettings(nets=2))
    real = torch.randn(1, 40, 1, 28, 28)
    descent = GradientDescent(trial)
    rows = descent.measure(real, ["learned"], (1, 3), trial.choice, stream="held-out", nets=2)
    by_hand = replace(distilled, images=real, labels=trial.labels(real), lrs=distilled.lrs[:3])
    order_free = native_steps(distilled.config, by_hand.data._replace(lrs=torch.ones(5, 2)))[:6]
    trained = train(
        descent.loss, made.initial("held-out", [0, 1]), by_hand.data, options=UnrollOptions(steps=order_free)
    )
    percent = distilled.measures(descent.net, trained, *trial.choice)["accuracy"]
    assert rows[1]["accuracy"] == pytest.approx(percent.mean().item())
