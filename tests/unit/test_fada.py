"""FADA: its pairs, its discriminators, the sign of its adversarial term, and that it adapts."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from dd.adaptation.fada_discriminators import Discriminators, draw_pairs, groups_of
from dd.adaptation.fada_training import FadaConfig, Halves, fada, few
from dd.data.batches import RealBatches, TrainingImages, normalise
from dd.distill.loss import classification
from dd.distill.metrics import accuracy
from dd.nets.alexcifar import AlexCifarNet
from dd.nets.init_schemes import flat_weights, initialise
from dd.nets.lenet import LeNet
from dd.nets.stacked import StackedNet
from dd.pools.settings import TrainConfig
from dd.pools.train import train_nets
from dd.runtime.errors import UserError
from dd.runtime.seeds import derive, generator
from tests.conftest import TinyNet, Unstacked

SHORT = FadaConfig(warm_up=3, steps=4, real_batch=32, pairs=8, hidden=8)


def streams(nets, first=0):
    return [generator(0, "test", number) for number in range(first, first + nets)]


def test_pairs_belong_to_their_groups():
    groups = groups_of(torch.tensor([0, 0, 1]), torch.tensor([0, 1]))
    assert [sorted(map(tuple, group.tolist())) for group in groups] == [
        [(0, 1), (1, 0)],
        [(0, 3), (1, 3), (2, 4)],
        [(0, 2), (1, 2), (2, 0), (2, 1)],
        [(0, 4), (1, 4), (2, 3)],
    ]


def test_every_net_draws_its_own_pairs_of_each_group():
    groups = groups_of(torch.arange(20) % 4, torch.arange(4))
    pairs = draw_pairs(groups, 50, streams(3))
    assert pairs.shape == (3, 4, 50, 2)
    for net, (number, group) in itertools.product(pairs, enumerate(groups)):
        assert set(map(tuple, net[number].tolist())) <= set(map(tuple, group.tolist()))
    assert not torch.equal(pairs[0], pairs[1])
    assert torch.equal(pairs[1:], draw_pairs(groups, 50, streams(2, first=1)))


@pytest.mark.parametrize("labels", [([0, 0], [0, 1]), ([0, 1], [0, 1]), ([0, 0, 1], [2]), ([0], [])])
def test_a_group_without_pairs_is_refused(labels):
    with pytest.raises(UserError, match="no pairs"):
        groups_of(*(torch.tensor(y, dtype=torch.long) for y in labels))


def test_few_images_are_of_every_class_and_another_seeds_are_others():
    y = torch.arange(60) % 3
    x = torch.arange(60, dtype=torch.uint8).view(-1, 1, 1, 1)
    pixels = TrainingImages(x, y, torch.zeros(1), torch.ones(1))
    images, labels, *_ = few(pixels, 3, 5, seed=0)
    assert labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert torch.equal(images.flatten() % 3, labels)
    assert len(images.unique()) == 15
    assert torch.equal(images, few(pixels, 3, 5, seed=0).x)
    assert not torch.equal(images, few(pixels, 3, 5, seed=1).x)
    with pytest.raises(UserError, match="class 0 has 20 images to draw from, not 21"):
        few(pixels, 3, 21, seed=0)


@pytest.mark.parametrize(
    ("cls", "size", "last"),
    [
        (LeNet, 28, "fc3"),
        (Unstacked, 28, "fc3"),
        (AlexCifarNet, 32, "classifier.4"),
        (TinyNet, 8, "out"),
    ],
)
def test_the_halves_of_a_net_make_the_net(cls, size, last):
    modules = [cls(channels=1, size=size, classes=10) for _ in range(2)]
    halves, theta = Halves(StackedNet(modules[0])), torch.stack([flat_weights(module) for module in modules])
    x = torch.randn(3, 1, size, size)
    halves.try_out(theta[:1], x)
    features = halves.encode(theta, x)
    for row, module in enumerate(modules):
        entered = []
        module.get_submodule(last).register_forward_pre_hook(lambda _, inputs, seen=entered: seen.append(inputs[0]))
        logits = module(x)
        torch.testing.assert_close(halves.classify(theta, features)[row], logits, rtol=1e-4, atol=1e-5)
        if entered:  # a net that stacks does not call its layers
            torch.testing.assert_close(features[row], entered[0], rtol=1e-4, atol=1e-5)


def of_layers(*layers):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 5), *layers)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(of_layers(nn.Tanh(), nn.Linear(5, 3), nn.LogSoftmax(1)), id="softmax after it"),
        pytest.param(of_layers(nn.Linear(5, 3, bias=False)), id="no bias"),
        pytest.param(of_layers(nn.Linear(5, 5), nn.Unflatten(1, (5, 1)), nn.Conv1d(5, 3, 1), nn.Flatten()), id="conv"),
        pytest.param(of_layers(nn.LayerNorm(5)), id="norm"),
        pytest.param(of_layers(nn.Linear(5, 12), nn.AvgPool1d(4)), id="pooled"),
    ],
)
def test_a_net_without_a_last_linear_layer_is_refused(module):
    net, theta = StackedNet(module), flat_weights(module).unsqueeze(0)
    statistics = torch.tensor([0.5]), torch.tensor([0.5])
    domain = TrainingImages(torch.zeros(40, 1, 8, 8, dtype=torch.uint8), torch.arange(40) % 3, *statistics)
    with pytest.raises(UserError, match=r"net Sequential: .* last layer"):
        fada(net, theta, source=domain, target=domain, config=SHORT, seed=0)


@pytest.fixture
def separable():
    """Features `[2, 60, 6]` of two nets that show an image's class (of 4) and domain, and the groups of its pairs."""
    y = torch.arange(40) % 4, torch.arange(20) % 4
    shown = torch.cat(
        [nn.functional.one_hot(torch.cat(y)), torch.eye(2).repeat_interleave(torch.tensor([40, 20]), 0)], 1
    )
    return (shown + 0.1 * torch.randn(2, 60, 6, generator=generator(0, "noise"))), groups_of(*y)


def trained(told, features, groups, steps=400):
    rngs, adam = streams(2), torch.optim.Adam(told.parameters, lr=0.01)
    for _ in range(steps):
        adam.zero_grad()
        told.loss(features, draw_pairs(groups, 32, rngs), [0, 1, 2, 3]).sum().backward()
        adam.step()
    return draw_pairs(groups, 200, rngs)


def test_discriminators_are_plain_perceptrons(separable):
    features, groups = separable
    told, pairs = Discriminators(6, 16, streams(2)), draw_pairs(groups, 5, streams(2))
    for row in range(2):
        plain = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
        nn.utils.vector_to_parameters(torch.cat([p[row].flatten() for p in told.parameters]), plain.parameters())
        logits = plain(features[row][pairs[row].reshape(-1, 2)].flatten(1))
        expected = nn.functional.cross_entropy(logits, torch.arange(4).repeat_interleave(5))
        torch.testing.assert_close(told.loss(features, pairs, [0, 1, 2, 3])[row], expected)


def test_discriminators_learn_to_tell_the_groups(separable):
    told = Discriminators(6, 16, streams(2))
    pairs = trained(told, *separable)
    assert told.loss(separable[0], pairs, [0, 1, 2, 3]).max() < 0.1 * math.log(4)


def test_the_adversarial_step_makes_cross_pairs_pass_for_pairs_of_the_source(separable):
    told, (features, groups) = Discriminators(6, 16, streams(2)), separable
    pairs = trained(told, features, groups)[:, 1::2]
    features.requires_grad_()
    (grad,) = torch.autograd.grad(told.adversarial(features, pairs).sum(), features)
    with torch.no_grad():
        stepped = features - 10 * grad
        for place, (own, source) in enumerate([(1, 0), (3, 2)]):
            cross = pairs[:, place : place + 1]
            assert (told.loss(stepped, cross, [source]) < told.loss(features, cross, [source])).all()
            assert (told.loss(stepped, cross, [own]) > told.loss(features, cross, [own])).all()


STATISTICS = {
    "source": (torch.tensor([0.3]), torch.tensor([0.37])),
    "target": (torch.tensor([0.2]), torch.tensor([0.2])),
}


@pytest.fixture(scope="module")
def domains():
    """scikit-learn's 8x8 digits as the source, and other ones, moved, pale and noisy, as the target; nets trained
    on the source."""
    bunch = load_digits()
    x = torch.from_numpy(bunch.images * 255 / 16).unsqueeze(1)
    y = torch.from_numpy(bunch.target).long()
    noise = 30 * torch.randn(x.shape, generator=generator(0, "noise"))
    other = (0.5 * x.roll(1, 3) + noise).clamp(0, 255).to(torch.uint8)
    source = TrainingImages(x[:900].to(torch.uint8), y[:900], *STATISTICS["source"])
    target = TrainingImages(other[900:], y[900:], *STATISTICS["target"])
    net = StackedNet(TinyNet(classes=10))
    rows = [flat_weights(initialise(lambda **_: TinyNet(classes=10), "xavier", rng)) for rng in streams(2)]
    recipe = TrainConfig(epochs=20, lr=0.01, halve_every=10, batch=100)
    theta = train_nets(classification(net), torch.stack(rows), source, config=recipe)
    shots = few(target, 10, 10, seed=0)

    def adapt(config, weights=theta, seed=0):
        return fada(net, weights, source=source, target=shots, config=config, seed=seed)

    def tellable(weights):
        """The loss `[nets]` of new discriminators, trained on the features that `weights` make."""
        parts = [normalise(x, *STATISTICS[name]) for x, name in [(source[0][:200], "source"), (shots[0], "target")]]
        features, groups = Halves(net).encode(weights, torch.cat(parts)), groups_of(source[1][:200], shots[1])
        features = features / features.std((1, 2), keepdim=True)
        told = Discriminators(features.shape[2], 32, streams(2))
        return told.loss(features, trained(told, features, groups, steps=200), [0, 1, 2, 3])

    return SimpleNamespace(
        net=net, theta=theta, target=target, adapt=adapt, tellable=tellable, source=source, shots=shots
    )


def test_steps_are_plain_pytorchs(domains):
    """Adam on both cross entropies and the adversarial term, and then on the loss of the discriminator, in turn."""
    config = replace(SHORT, warm_up=0, steps=2, adversarial=5)
    real = RealBatches(domains.source, batch_size=config.real_batch, seed=derive(0, "fada", "source"))
    module, rng = TinyNet(classes=10), [generator(0, "fada", 0)]
    nn.utils.vector_to_parameters(domains.theta[0].clone(), module.parameters())
    told = Discriminators(64, config.hidden, rng)
    adam, adam_told = (torch.optim.Adam(p, lr=config.lr) for p in (module.parameters(), told.parameters))
    few_x, few_y = normalise(domains.shots[0], *STATISTICS["target"]), domains.shots[1]
    for step in range(2):
        features, (x, y) = [], real.batch(step)
        watch = module.out.register_forward_pre_hook(lambda _, inputs, seen=features: seen.append(inputs[0]))
        loss = nn.functional.cross_entropy(module(x), y) + nn.functional.cross_entropy(module(few_x), few_y)
        watch.remove()
        features, groups = torch.cat(features).unsqueeze(0), groups_of(y, few_y)
        cross = draw_pairs([groups[1], groups[3]], config.pairs, rng)
        adam.zero_grad()
        (loss + 5 * told.loss(features, cross, [0, 2]).sum()).backward()
        adam.step()
        adam_told.zero_grad()
        told.loss(features.detach(), draw_pairs(groups, config.pairs, rng), [0, 1, 2, 3]).sum().backward()
        adam_told.step()
    stepped = domains.adapt(config, domains.theta[:1])[0]
    # Adam's first steps follow the gradient's sign, which rounding decides where the gradient is next to nothing
    assert ((stepped - flat_weights(module)).abs() < 1e-5).float().mean() > 0.98


LONGER = FadaConfig(warm_up=50, steps=150, real_batch=64, lr=3e-3)


def test_adapting_helps_in_the_target_domain(domains):
    net, theta, target, adapt = domains.net, domains.theta, domains.target, domains.adapt
    before, after = (accuracy(net, w, *target[:4]) for w in (theta, adapt(LONGER)))
    assert (after > before + 20).all()


def test_the_adversarial_term_makes_the_groups_harder_to_tell(domains):
    without, with_it = (domains.tellable(domains.adapt(replace(LONGER, adversarial=a))) for a in (0, 3))
    assert (with_it > 1.2 * without).all()


def test_a_net_does_not_depend_on_the_others(domains):
    theta, adapt = domains.theta, domains.adapt
    together, alone = adapt(SHORT), adapt(SHORT, theta[:1])
    torch.testing.assert_close(alone[0], together[0], rtol=1e-4, atol=1e-5)


def test_equal_nets_have_different_discriminators_and_pairs(domains):
    theta, adapt = domains.theta, domains.adapt
    twins = adapt(SHORT, theta[:1].expand(2, -1))
    assert not torch.allclose(*twins)
    plain = adapt(replace(SHORT, adversarial=0), theta[:1].expand(2, -1))
    torch.testing.assert_close(*plain)


def test_seeds_reproduce_and_leave_the_weights_given_alone(domains):
    theta, adapt = domains.theta, domains.adapt
    kept = theta.clone()
    once = adapt(SHORT)
    assert torch.equal(once, adapt(SHORT))
    assert torch.equal(theta, kept)
    assert not torch.allclose(once, adapt(SHORT, seed=1))
