"""The loss, its gradient on real batches, and what is traced of it."""

import torch
from torch import nn

from dd.distill import derivatives
from dd.distill.derivatives import value_and_gradient_in_chunks
from dd.distill.distilled_data import DistilledData
from dd.distill.loss import Loss, classification, cross_entropy
from dd.distill.unroll import meta_gradient
from dd.nets.stacked import StackedNet
from dd.runtime import trace


def test_cross_entropy_is_pytorchs():
    random = torch.Generator().manual_seed(4)
    logits = 50 * torch.randn(2, 5, 3, generator=random, dtype=torch.float64)
    labels = torch.randint(0, 3, (5,), generator=random)
    expected = torch.stack([nn.functional.cross_entropy(z, labels) for z in logits])
    torch.testing.assert_close(cross_entropy(logits, labels), expected)
    torch.testing.assert_close(cross_entropy(logits, nn.functional.one_hot(labels, 3).double()), expected)
    labels = torch.randn(5, 3, generator=random, dtype=torch.float64).softmax(1)
    expected = torch.stack([nn.functional.cross_entropy(z, labels) for z in logits])
    torch.testing.assert_close(cross_entropy(logits, labels), expected)


def test_real_batches_in_chunks_change_nothing(tiny_net, monkeypatch):
    net = StackedNet(tiny_net)
    theta = torch.randn(2, sum(net.sizes), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x, y = torch.randn(23, 1, 8, 8, dtype=torch.float64), torch.arange(23) % 3
    whole = value_and_gradient_in_chunks(classification(net), theta, x, y)
    monkeypatch.setattr(derivatives, "CHUNK_PIXELS", 5 * 2 * 64 + 1)
    monkeypatch.setattr(derivatives, "SMALLEST_CHUNK", 1)
    sizes = []

    def seen(w, images):
        sizes.append(len(images))
        return net.logits(w, images)

    loss = Loss(seen, cross_entropy, traceable=False)
    for chunked, once in zip(value_and_gradient_in_chunks(loss, theta, x, y), whole, strict=True):
        torch.testing.assert_close(chunked, once, rtol=1e-12, atol=1e-15)
    assert sizes == [5, 5, 5, 5, 3]


def outputs(theta, x):
    return theta @ x.T


def test_two_losses_of_one_network_share_no_traces(monkeypatch):
    """Each has its own gradient, whichever comes first."""
    monkeypatch.setattr(trace, "REPEATS", 1)
    draw = torch.Generator().manual_seed(0)
    data = DistilledData(torch.randn(3, 2, 5, generator=draw), torch.zeros(3, 2).long(), torch.full((2, 3), 0.01))
    theta, real = torch.randn(2, 5, generator=draw), torch.randn(4, 5, generator=draw)

    def check(loss):
        found = meta_gradient(loss, theta, data, real, torch.zeros(4).long())
        images, w = data.images.clone().requires_grad_(), theta.clone().requires_grad_()
        for step in [0, 1, 2, 0, 1, 2]:
            (grad,) = torch.autograd.grad(loss(w, images[step], None).sum(), w, create_graph=True)
            w = w - 0.01 * grad
        expected = loss(w, real, None)
        torch.testing.assert_close(found.losses, expected.detach())
        torch.testing.assert_close(found.gradient.images, *torch.autograd.grad(expected.mean(), images))

    losses = [Loss(outputs, lambda found, _y: found.square().mean(1), traceable=True)]
    check(losses[0])
    losses.append(Loss(outputs, lambda found, _y: 3 * found.square().mean(1), traceable=True))
    check(losses[1])
    for loss in losses:  # again, when each is traced
        check(loss)
