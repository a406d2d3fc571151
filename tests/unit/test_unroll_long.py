"""Minibatches, Adam and windows: the meta-gradient against autograd and finite differences, in double precision."""

import itertools
from dataclasses import replace

import pytest
import torch

from dd.distill.differentiable_augmentation import CHANGES, NONE, augmentation_of
from dd.distill.distilled_data import DistilledData
from dd.distill.inner_steps import in_order, minibatches, shuffled
from dd.distill.loss import Loss, cross_entropy
from dd.distill.optimisers import Adam, GradientDescent, Momentum
from dd.distill.parameters import LearnedParameters
from dd.distill.unroll import UnrollOptions, adjoint, descend, meta_gradient, train
from dd.nets.stacked import StackedNet
from dd.runtime import trace

EPOCHS, STEPS, CLASSES, PER_CLASS = 3, 2, 3, 2
ORDERS = {
    "in order": in_order,
    "shuffled": lambda data: shuffled(data, torch.Generator().manual_seed(7)),
    "minibatches": lambda data: minibatches(data, classes=CLASSES, per_class=2, draw=torch.Generator().manual_seed(8)),
}
OPTIMISERS = {"gd": GradientDescent(), "momentum": Momentum(0.5), "adam": Adam()}
RATES = ("step", "epoch", "one")
WINDOWS = {"all": 0, "last 2": 2, "last 4, ending early": 4}
COMBINATIONS = list(itertools.product(ORDERS, OPTIMISERS, RATES, ("hard", "soft"), WINDOWS))


class Problem:
    """Two nets, twelve images with learned labels and rates, and one way of training on them."""

    def __init__(self, net, order="in order", optimiser="gd", rates="step", labels="hard", window="all"):
        self.random = torch.Generator().manual_seed(1)
        stacked = StackedNet(net)
        self.loss = Loss(stacked.logits, cross_entropy, traceable=True)
        self.theta = 0.5 * self.normal(2, sum(stacked.sizes))
        classes = torch.arange(CLASSES).repeat_interleave(PER_CLASS).expand(STEPS, -1)
        soft = CLASSES if labels == "soft" else None
        self.learned = LearnedParameters(
            self.normal(STEPS, CLASSES * PER_CLASS, 1, 8, 8), classes, lrs=(EPOCHS, STEPS), distill_lr=0.2, rates=rates,
            soft=soft,
        )  # fmt: skip
        with torch.no_grad():
            for name, parameter in self.learned.by_name().items():
                parameter.data = parameter.double()
                if name != "images":
                    parameter += 0.3 * self.normal(*parameter.shape)
                if name == "raw_lrs" and optimiser == "adam":
                    parameter -= 2  # a step of Adam is as long as its rate
        self.real = self.normal(20, 1, 8, 8), torch.randint(0, CLASSES, (20,), generator=self.random)
        data = self.learned.data()
        steps = ORDERS[order](data)
        self.options = UnrollOptions(
            steps=steps[:5] if "early" in window else steps, optimiser=OPTIMISERS[optimiser], window=WINDOWS[window]
        )

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.random, dtype=torch.float64)

    def ours(self):
        """The mean loss, and the gradients of what is learned by name."""
        meta = meta_gradient(self.loss, self.theta, self.learned.data(), *self.real, options=self.options)
        self.learned.set_gradient(meta.gradient)
        return meta.losses.mean(), {name: p.grad.clone() for name, p in self.learned.by_name().items()}

    def autograd(self):
        """The same by plain autograd through every step of the window, from the equations of `torch.optim`."""
        raw = {name: p.detach().clone().requires_grad_() for name, p in self.learned.by_name().items()}
        labels = raw["raw_labels"].softmax(2) if "raw_labels" in raw else self.learned.labels
        images, labels = raw["images"].flatten(0, 1), labels.flatten(0, 1)
        rates = torch.nn.functional.softplus(raw["raw_lrs"]).expand(EPOCHS, STEPS).flatten()
        theta, optimiser = self.theta.clone().requires_grad_(), self.options.optimiser
        m, n, before = torch.zeros_like(theta), torch.zeros_like(theta), 0
        if self.options.window:
            before = len(self.options.steps) - self.options.window
        for t, step in enumerate(self.options.steps):
            if t == before:
                theta, m, n = theta.detach().requires_grad_(), m.detach(), n.detach()
            changed = self.options.augmented(images[step.rows], t + 1)
            (g,) = torch.autograd.grad(self.loss(theta, changed, labels[step.rows]).sum(), theta, create_graph=True)
            if isinstance(optimiser, Adam):
                m, n = 0.9 * m + 0.1 * g, 0.999 * n + 0.001 * g**2
                root = (n / (1 - 0.999 ** (t + 1))).clamp(min=1e-300).sqrt()  # sqrt has no derivative at 0
                theta = theta - rates[step.rate] * (m / (1 - 0.9 ** (t + 1))) / (root + 1e-8)
            else:
                m = getattr(optimiser, "mu", 0) * m + g
                theta = theta - rates[step.rate] * m
        loss = self.loss(theta, *self.real).mean()
        return loss.detach(), dict(zip(raw, torch.autograd.grad(loss, list(raw.values())), strict=True))


@pytest.mark.parametrize("combination", COMBINATIONS, ids=", ".join)
def test_equals_autograd_through_the_window(tiny_net, combination):
    problem = Problem(tiny_net, *combination)
    (loss, found), (expected_loss, expected) = problem.ours(), problem.autograd()
    torch.testing.assert_close(loss, expected_loss)
    for name, theirs in expected.items():
        torch.testing.assert_close(found[name], theirs, rtol=1e-7, atol=1e-10)
        assert theirs.abs().max() > 1e-6


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("changes", [*CHANGES, "crop_flip_cutout_color"])
def test_equals_autograd_through_changed_images(tiny_net, changes, optimiser):
    problem = Problem(tiny_net, "minibatches", optimiser, "one", "soft", "last 4, ending early")
    _, plain = problem.ours()
    change = augmentation_of(changes, 0.25)
    if change:
        problem.options = replace(problem.options, augment=lambda x, t: change(x, torch.Generator().manual_seed(t)))
    (loss, found), (expected_loss, expected) = problem.ours(), problem.autograd()
    torch.testing.assert_close(loss, expected_loss)
    for name, theirs in expected.items():
        torch.testing.assert_close(found[name], theirs, rtol=1e-6, atol=1e-9)
    assert torch.equal(found["images"], plain["images"]) == (changes == NONE)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("order", ORDERS)
def test_equals_finite_differences(tiny_net, order, optimiser):
    problem, h = Problem(tiny_net, order, optimiser, "epoch", "soft"), 1e-7  # Adam is almost a step of the sign
    _, gradient = problem.ours()
    for name, parameter in problem.learned.by_name().items():
        direction, value, losses = problem.normal(*parameter.shape), parameter.detach().clone(), []
        for offset in (h, -h):
            parameter.data = value + offset * direction
            losses.append(problem.ours()[0])
        parameter.data = value
        numeric = (losses[0] - losses[1]) / (2 * h)
        torch.testing.assert_close((gradient[name] * direction).sum(), numeric, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_window_of_all_steps_is_no_window_bit_for_bit(tiny_net, optimiser):
    problem = Problem(tiny_net, "shuffled", optimiser, labels="soft")
    _, whole = problem.ours()
    problem.options = replace(problem.options, window=len(problem.options.steps))
    for name, gradient in problem.ours()[1].items():
        assert torch.equal(gradient, whole[name])


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_traced_steps_are_those_as_written(tiny_net, optimiser, monkeypatch):
    combination = ("minibatches", optimiser, "one", "soft", "last 4, ending early")
    results = []
    for repeats in (10**9, 0):
        monkeypatch.setattr(trace, "REPEATS", repeats)
        problem = Problem(tiny_net, *combination)
        problem.ours()  # a traced function is traced in its first call
        results.append(problem.ours()[1])
    for name, gradient in results[0].items():
        assert torch.equal(gradient, results[1][name])


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_what_is_kept_grows_with_the_window_alone(tiny_net, optimiser):
    problem = Problem(tiny_net, "in order", optimiser, window="last 2")
    moments = 2 if optimiser == "adam" else 0
    for steps in (problem.options.steps, 50 * problem.options.steps):
        options = replace(problem.options, steps=steps)
        trajectory = descend(problem.loss, problem.theta, problem.learned.data(), options=options)
        assert trajectory.theta.shape == (3, *problem.theta.shape)
        assert trajectory.moments.shape == (3, moments, *problem.theta.shape)
        last = train(problem.loss, problem.theta, problem.learned.data(), options=options)
        assert torch.equal(trajectory.theta[-1], last)


def test_adam_is_pytorchs(tiny_net):
    problem = Problem(tiny_net, "minibatches", "adam")
    data, theta = problem.learned.data(), problem.theta.clone().requires_grad_()
    (images, labels), adam = data.flat(), torch.optim.Adam([theta])
    for step in problem.options.steps:
        adam.param_groups[0]["lr"] = data.lrs.flatten()[step.rate].item()
        adam.zero_grad()
        problem.loss(theta, images[step.rows], labels[step.rows]).sum().backward()
        adam.step()
    torch.testing.assert_close(train(problem.loss, problem.theta, data, options=problem.options), theta.detach())


def test_weights_that_never_get_a_gradient_do_no_harm_to_adam(tiny_net):
    """Such as those of dead units: the square root of their second moment has no derivative."""
    problem = Problem(tiny_net, "in order", "adam")
    _, expected = problem.ours()
    network, padded = problem.loss.network, torch.nn.functional.pad(problem.theta, (0, 5), value=1.0)
    problem.loss = Loss(lambda theta, x: network(theta[:, :-5], x), cross_entropy, traceable=False)
    problem.theta = padded
    for name, gradient in problem.ours()[1].items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_the_adjoint_is_clipped_with_every_optimiser(tiny_net, optimiser):
    problem = Problem(tiny_net, "minibatches", optimiser, "epoch", "soft", "last 4, ending early")
    loss, data = problem.loss, problem.learned.data()
    v = problem.normal(*problem.theta.shape)
    options = {clip: replace(problem.options, clip=clip) for clip in (0.0, 1e9, 0.5)}
    trajectory = descend(loss, problem.theta, data, options=problem.options)
    free, loose, cut = (adjoint(loss, trajectory, v, data, options=each) for each in options.values())
    assert torch.equal(free.theta, loose.theta)
    assert (cut.theta.norm(dim=1) <= 0.5 * v.norm(dim=1) * (1 + 1e-9)).all()
    assert (cut.theta.norm(dim=1) < free.theta.norm(dim=1)).all()


@pytest.mark.parametrize("per_class", [1, 2, 4])
def test_every_image_comes_once_in_a_pass_of_minibatches(per_class):
    of_class, batches = STEPS * PER_CLASS, STEPS * PER_CLASS // per_class
    images = torch.zeros(STEPS, CLASSES * PER_CLASS, 1)
    labels = torch.arange(CLASSES).repeat_interleave(PER_CLASS).expand(STEPS, -1)
    data = DistilledData(images, labels, torch.ones(EPOCHS, batches))
    steps = minibatches(data, classes=CLASSES, per_class=per_class, draw=torch.Generator().manual_seed(0))
    assert [step.rate for step in steps] == list(range(EPOCHS * batches))
    passes = torch.stack([step.rows for step in steps]).view(EPOCHS, -1)
    assert passes.sort(1).values.tolist() == [list(range(CLASSES * of_class))] * EPOCHS
    assert not torch.equal(passes[0], passes[1])
    for step in steps:
        assert data.flat()[1][step.rows].bincount().tolist() == [per_class] * CLASSES
