"""The loss, and its gradient on real batches."""

import torch
from torch import nn

from dd.distill import unroll
from dd.distill.loss import classification, cross_entropy
from dd.nets.stacked import StackedNet


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
    whole = unroll.judge(classification(net), theta, x, y)
    monkeypatch.setattr(unroll, "CHUNK", 5 * 2 * 64 + 1)
    monkeypatch.setattr(unroll, "LEAST", 1)
    sizes = []

    def seen(w, images, labels):
        sizes.append(len(images))
        return classification(net)(w, images, labels)

    for chunked, once in zip(unroll.judge(seen, theta, x, y), whole, strict=True):
        torch.testing.assert_close(chunked, once, rtol=1e-12, atol=1e-15)
    assert sizes == [5, 5, 5, 5, 3]
