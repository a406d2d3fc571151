"""The meta-gradient against finite differences, full-graph autograd and a closed form, in double precision."""

import gc

import pytest
import torch

from dd.distill.distilled_data import DistilledData
from dd.distill.inner_steps import in_order, shuffled
from dd.distill.loss import Loss, classification, cross_entropy
from dd.distill.optimisers import Momentum
from dd.distill.unroll import UnrollOptions, adjoint, descend, meta_gradient, train
from dd.nets import stacked
from dd.nets.stacked import StackedNet
from dd.runtime import trace

AS_WRITTEN, TRACED = 10**9, 0
"""Calls after which a step is traced: never, and at once."""
CASES = pytest.mark.parametrize(
    ("repeats", "nets", "steps", "epochs"),
    [(AS_WRITTEN, 1, 3, 1), (AS_WRITTEN, 1, 1, 3), (AS_WRITTEN, 3, 1, 1), (AS_WRITTEN, 3, 4, 2), (TRACED, 3, 4, 2)],
    ids=lambda n: {AS_WRITTEN: "as written", TRACED: "traced"}.get(n, str(n)),
    indirect=["repeats"],
)


OPTIONS = ("steps", "optimiser", "window")
"""The keys of a problem that are options."""


def traceable(net):
    """The loss of a net that keeps the promise of one that stacks."""
    return Loss(net.logits, cross_entropy, traceable=True)


def data_of(p):
    return DistilledData(p["images"], p["labels"], p["lrs"])


@pytest.fixture(autouse=True, params=[AS_WRITTEN, TRACED], ids=["as written", "traced"])
def repeats(request, monkeypatch):
    """Each step run as written, and traced as a list of operations; of `CASES`, the largest alone is traced."""
    monkeypatch.setattr(trace, "REPEATS", request.param)


@pytest.fixture
def problem(tiny_net, nets, steps, epochs):
    random = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    net = StackedNet(tiny_net)
    return {
        "loss": traceable(net),
        "theta": 0.5 * normal(nets, sum(net.sizes)),
        "images": normal(steps, 3, 1, 8, 8),
        "labels": torch.arange(3).expand(steps, 3),
        "lrs": 0.1 + 0.4 * torch.rand(epochs, steps, generator=random, dtype=torch.float64),
        "real_x": normal(20, 1, 8, 8),
        "real_y": torch.randint(0, 3, (20,), generator=random),
    }


def ours(p, forward=True):
    options = UnrollOptions(reverse_over_forward=forward, **{key: p[key] for key in OPTIONS if key in p})
    return meta_gradient(p["loss"], p["theta"], data_of(p), p["real_x"], p["real_y"], options=options)


def full_graph(p):
    """Plain autograd through every step: the oracle."""
    data = data_of(p)
    learned = [t.clone().requires_grad_() for t in (data.images, data.lrs, data.labels) if t.is_floating_point()]
    images, lrs, labels = learned if len(learned) == 3 else (*learned, data.labels)
    (all_images, all_labels), rates = DistilledData(images, labels, lrs).flat(), lrs.flatten()
    theta, m = p["theta"].clone().requires_grad_(), 0
    mu = p["optimiser"].mu if "optimiser" in p else 0
    for step in p.get("steps", in_order(data)):
        loss = p["loss"](theta, all_images[step.rows], all_labels[step.rows]).sum()
        (grad,) = torch.autograd.grad(loss, theta, create_graph=True)
        m = mu * m + grad
        theta = theta - rates[step.rate] * m
    loss = p["loss"](theta, p["real_x"], p["real_y"]).mean()
    return loss.detach(), *torch.autograd.grad(loss, learned)


def soft(labels):
    """Probabilities in place of labels `[steps, n]` of three classes."""
    draw = torch.Generator().manual_seed(6)
    return torch.randn(*labels.shape, 3, generator=draw, dtype=torch.float64).softmax(2)


BEYOND = {
    "as in the paper": lambda _p: {},
    "soft labels": lambda p: {"labels": soft(p["labels"])},
    "shuffled": lambda p: {"steps": shuffled(data_of(p), torch.Generator().manual_seed(7))},
    "momentum": lambda _p: {"optimiser": Momentum(0.9)},
    "all": lambda p: BEYOND["soft labels"](p) | BEYOND["shuffled"](p) | {"optimiser": Momentum(0.5)},
}
"""What changes in a problem that goes beyond the paper."""


@CASES
@pytest.mark.parametrize("forward", [True, False], ids=["reverse over forward", "reverse"])
@pytest.mark.parametrize("beyond", BEYOND)
def test_equals_full_graph_autograd(problem, forward, beyond):
    problem |= BEYOND[beyond](problem)
    (losses, gradient), (loss, *expected) = ours(problem, forward), full_graph(problem)
    torch.testing.assert_close(losses.mean(), loss)
    found = [d for d in gradient if d is not None]
    for analytic, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(analytic, theirs, rtol=1e-9, atol=1e-12)
        assert theirs.abs().max() > 1e-6


@pytest.mark.parametrize(("nets", "steps", "epochs"), [(2, 3, 2)])
def test_momentum_is_pytorchs_and_a_shuffled_epoch_has_every_step(problem):
    """`torch.optim.SGD`, visiting the steps in our order with the rates of their images."""
    steps = BEYOND["shuffled"](problem)["steps"]
    order = [step.rate for step in steps]
    assert [sorted(order[:3]), sorted(order[3:])] == [[0, 1, 2], [3, 4, 5]]
    assert order != sorted(order)
    loss, (images, labels, lrs) = problem["loss"], data_of(problem)
    theta = problem["theta"].clone().requires_grad_()
    sgd = torch.optim.SGD([theta], momentum=0.9)
    for place in order:
        sgd.param_groups[0]["lr"] = lrs.flatten()[place].item()
        sgd.zero_grad()
        loss(theta, images[place % 3], labels[place % 3]).sum().backward()
        sgd.step()
    options = UnrollOptions(steps=steps, optimiser=Momentum(0.9))
    trained = train(loss, problem["theta"], data_of(problem), options=options)
    torch.testing.assert_close(trained, theta.detach())


@pytest.mark.parametrize(("nets", "steps", "epochs"), [(3, 2, 3)])
def test_clipped_adjoint_is_cut_net_by_net_after_each_step(problem):
    loss, theta, x, y, lrs = (problem[key] for key in ("loss", "theta", "images", "labels", "lrs"))
    data, options = DistilledData(x, y, lrs), UnrollOptions(clip=0.9)
    trajectory = descend(loss, theta, data)
    start = v = torch.linspace(-1, 1, theta.numel(), dtype=theta.dtype).cos().view_as(theta)
    clipped = adjoint(loss, trajectory, start, data, options=options)

    limits, d_images, d_lrs, cuts = 0.9 * start.norm(dim=1), torch.zeros_like(x), torch.zeros_like(lrs), 0
    for t in reversed(range(lrs.numel())):
        i = t % len(x)
        w, image, lr = (z.clone().requires_grad_() for z in (trajectory.theta[t], x[i], lrs.flatten()[t]))
        (grad,) = torch.autograd.grad(loss(w, image, y[i]).sum(), w, create_graph=True)
        v, d_image, d_lr = torch.autograd.grad(w - lr * grad, (w, image, lr), v)
        d_images[i] += d_image
        d_lrs.view(-1)[t] += d_lr
        rows = [row * min(1, limit / row.norm()) for row, limit in zip(v, limits, strict=True)]
        cuts += sum(not torch.equal(a, b) for a, b in zip(v, rows, strict=True))
        v = torch.stack(rows)
    assert 0 < cuts < theta.shape[0] * lrs.numel()
    torch.testing.assert_close(clipped, ((d_images, d_lrs, None), v), rtol=1e-9, atol=1e-12)
    assert torch.equal(adjoint(loss, trajectory, 0 * start, data, options=options).theta, 0 * start)


@CASES
@pytest.mark.parametrize("beyond", ["as in the paper", "all"])
def test_equals_finite_differences(problem, beyond):
    problem |= BEYOND[beyond](problem)
    gradient, h = ours(problem).gradient, 1e-6
    random = torch.Generator().manual_seed(2)
    for name in ("images", "lrs") if gradient.labels is None else ("images", "lrs", "labels"):
        analytic = getattr(gradient, name)
        direction = torch.randn(analytic.shape, generator=random, dtype=torch.float64)
        ahead, behind = (ours(problem | {name: problem[name] + s * h * direction}).losses.mean() for s in (1, -1))
        numeric = (ahead - behind) / (2 * h)
        torch.testing.assert_close((analytic * direction).sum(), numeric, rtol=1e-6, atol=1e-9)


@CASES
def test_gradient_with_respect_to_initial_weights(problem):
    p, h = problem, 1e-6
    data = data_of(p)

    def final_loss(theta):
        return p["loss"](descend(p["loss"], theta, data).theta[-1], p["real_x"], p["real_y"]).mean()

    trajectory = descend(p["loss"], p["theta"], data)
    final = trajectory.theta[-1].clone().requires_grad_()
    (v,) = torch.autograd.grad(p["loss"](final, p["real_x"], p["real_y"]).mean(), final)
    d_theta = adjoint(p["loss"], trajectory, v, data).theta
    direction = torch.randn(d_theta.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    numeric = (final_loss(p["theta"] + h * direction) - final_loss(p["theta"] - h * direction)) / (2 * h)
    torch.testing.assert_close((d_theta * direction).sum(), numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("nets", "steps", "epochs"), [(3, 2, 2)])
def test_nets_one_by_one_are_nets_side_by_side(problem):
    all_at_once = ours(problem)
    alone = [ours(problem | {"theta": theta}) for theta in problem["theta"].split(1)]
    torch.testing.assert_close(torch.cat([meta.losses for meta in alone]), all_at_once.losses)
    torch.testing.assert_close(sum(meta.gradient.images for meta in alone) / 3, all_at_once.gradient.images)
    torch.testing.assert_close(sum(meta.gradient.lrs for meta in alone) / 3, all_at_once.gradient.lrs)


def test_linear_case_follows_equation_6():
    """One step on quadratic loss: theta_1 = (I - eta/M d'd) theta_0 + eta/M d't, and its gradients by hand."""
    random = torch.Generator().manual_seed(3)
    size, count = 5, 3
    d = torch.randn(1, count, size, generator=random, dtype=torch.float64)
    t = torch.randn(1, count, generator=random, dtype=torch.float64)
    theta = torch.randn(1, size, generator=random, dtype=torch.float64)
    eta = torch.tensor([[0.3]], dtype=torch.float64)

    quadratic = Loss(lambda theta, x: theta @ x.T, lambda outputs, y: ((outputs - y) ** 2).mean(1) / 2, traceable=True)
    data = DistilledData(d, t, eta)
    after = descend(quadratic, theta, data).theta[-1]
    expected = (torch.eye(size) - eta / count * d[0].T @ d[0]) @ theta[0] + eta[0] / count * d[0].T @ t[0]
    torch.testing.assert_close(after[0], expected)

    v = torch.randn(1, size, generator=random, dtype=torch.float64)
    (d_images, d_lrs, d_targets), d_theta = adjoint(quadratic, descend(quadratic, theta, data), v, data)
    residual = d[0] @ theta[0] - t[0]
    torch.testing.assert_close(d_lrs[0, 0], -(v[0] @ d[0].T @ residual) / count)
    torch.testing.assert_close(d_theta[0], v[0] - eta[0] / count * d[0].T @ (d[0] @ v[0]))
    by_hand = -eta[0] / count * (torch.outer(residual, v[0]) + torch.outer(d[0] @ v[0], theta[0]))
    torch.testing.assert_close(d_images[0], by_hand)
    torch.testing.assert_close(d_targets[0], eta[0] / count * (d[0] @ v[0]))


@pytest.mark.parametrize(("nets", "steps", "epochs"), [(2, 2, 3)])
def test_images_are_used_in_order_and_rates_are_untied(problem, monkeypatch):
    """Each of epochs x steps updates has a rate of its own, and step i of every epoch uses images i."""
    monkeypatch.setattr(trace, "REPEATS", 10**9)  # or the spy would also see what a step is traced with
    seen = []

    def spy(theta, x):
        seen.append(next(i for i, images in enumerate(problem["images"]) if torch.equal(images, x)))
        return problem["loss"].network(theta, x)

    trajectory = descend(Loss(spy, cross_entropy, traceable=False), problem["theta"], data_of(problem)).theta
    assert seen == [0, 1] * 3
    for t, lr in enumerate(problem["lrs"].flatten()):
        w = trajectory[t].clone().requires_grad_()
        (grad,) = torch.autograd.grad(problem["loss"](w, problem["images"][t % 2], problem["labels"][t % 2]).sum(), w)
        torch.testing.assert_close(trajectory[t + 1], w.detach() - lr * grad)


class Kept:
    """A tensor that autograd keeps for its backward pass; counts how much is kept at once."""

    now = peak = 0

    def __init__(self, tensor):
        self.tensor = tensor
        Kept.now += tensor.numel()
        Kept.peak = max(Kept.peak, Kept.now)

    def __del__(self):
        Kept.now -= self.tensor.numel()


def test_memory_for_autograd_does_not_grow_with_the_number_of_steps(tiny_net):
    """At 5 and at 50 steps; the weights of every step are stored outside of autograd."""
    net = StackedNet(tiny_net)
    loss, peaks = classification(net), []
    for steps in (5, 50):
        gc.collect()
        Kept.now = Kept.peak = 0
        x = torch.randn(steps, 3, 1, 8, 8, dtype=torch.float64)
        theta, labels = torch.randn(1, sum(net.sizes), dtype=torch.float64), torch.arange(3).expand(steps, 3)
        lrs = torch.full((1, steps), 0.1, dtype=torch.float64)
        with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
            meta_gradient(loss, theta, DistilledData(x, labels, lrs), x[0], labels[0])
        peaks.append(Kept.peak)
    assert peaks[0] == peaks[1] > 0


@pytest.mark.parametrize(("nets", "steps", "epochs"), [(5, 2, 2)])
def test_nets_in_groups_change_nothing(problem, monkeypatch):
    (_, images, lrs), whole = full_graph(problem), ours(problem)
    monkeypatch.setattr(stacked, "NETS_AT_ONCE", 2)
    monkeypatch.setattr(stacked, "SMALL_BATCH", 5)  # so that the real batch goes net by net
    in_groups = ours(problem)
    assert len(in_groups.losses) == 5
    torch.testing.assert_close(in_groups, whole, rtol=1e-9, atol=1e-12)
    gradient = in_groups.gradient
    torch.testing.assert_close(gradient.images, images, rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(gradient.lrs, lrs, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("nets", "steps", "epochs"), [(2, 2, 1)])
def test_a_fixed_initialisation_seen_twice_counts_once(problem):
    """Weights as `FixedInitial` gives them: one row, expanded."""
    once = problem | {"theta": problem["theta"][:1]}
    twice = problem | {"theta": problem["theta"][:1].expand(2, -1)}
    torch.testing.assert_close(ours(twice).gradient, ours(once).gradient, rtol=1e-9, atol=1e-12)
