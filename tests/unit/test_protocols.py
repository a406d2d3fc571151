"""The field's ways of training on a set agree with loops as anyone would write them."""

from dataclasses import replace

import pytest
import torch
from scipy.ndimage import rotate
from torch import nn

from dd.data.named_dataset import DIGIT_NAMES
from dd.distill.distilled_set import DistilledSet
from dd.distill.loss import classification
from dd.evaluation import minibatch_training
from dd.evaluation.minibatch_augmentation import dc_augmentation, dsa_augmentation
from dd.evaluation.plain_nets import trained
from dd.evaluation.protocols import PROTOCOLS
from dd.nets.init_schemes import flat_weights
from dd.nets.stacked import StackedNet
from dd.runtime.seeds import generator
from tests.conftest import Normed, TinyNet


@pytest.fixture
def short(monkeypatch):
    """A tenth of the field's epochs."""
    monkeypatch.setattr(minibatch_training, "SGD", replace(minibatch_training.SGD, epochs=30, augmented_epochs=100))


def tiny_set(dataset: str = "shapes", *, soft: bool = False, images: int = 30) -> DistilledSet:
    random = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, images // 2, 1, 8, 8, generator=random, dtype=torch.float64)
    labels = torch.arange(images).remainder(3).view(2, -1)
    if soft:
        labels = torch.rand(2, images // 2, 3, generator=random, dtype=torch.float64).softmax(2)
    classes = [*DIGIT_NAMES] if dataset == "mnist" else ["round", "square", "star"]
    info = {"config": {"seed": 5}, "dataset": {"name": dataset}, "classes": classes}
    return DistilledSet(pixels, labels, torch.ones(1, 2), torch.zeros(1), torch.ones(1), info=info)


def by_hand(module, x, y, *, name, epochs, augment=None):
    """The evaluation in DC's code: epochs are counted inclusively, and the second optimiser has no momentum yet."""
    sgd = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for epoch in range(epochs + 1):
        rng = generator(5, name, epoch)
        for rows in torch.randperm(len(x), generator=rng).split(256):
            images = augment(x[rows], rng) if augment else x[rows]
            sgd.zero_grad()
            nn.functional.cross_entropy(module(images), y[rows]).backward()
            sgd.step()
        if epoch == epochs // 2 + 1:
            sgd = torch.optim.SGD(module.parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4)
    return flat_weights(module)


@pytest.mark.parametrize(
    ("name", "dataset", "epochs"),
    [("dc", "shapes", 300), ("soft", "shapes", 300), ("dc", "mnist", 1000), ("dsa", "shapes", 1000)],
)
def test_training_is_as_long_as_the_fields(name, dataset, epochs):
    assert minibatch_training.training(tiny_set(dataset), name).epochs == epochs


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("name", "dataset", "soft", "epochs", "augment", "nets"),
    [
        ("dc", "shapes", False, 30, None, 2),
        ("dc", "shapes", True, 30, None, 1),  # on the classes, not on the learned labels
        ("soft", "shapes", True, 30, None, 1),
        ("dc", "mnist", False, 100, dc_augmentation, 1),
        ("dsa", "shapes", False, 100, dsa_augmentation(flip=True), 1),
        ("dsa", "mnist", False, 100, dsa_augmentation(flip=False), 1),
    ],
)
def test_the_fields_training_is_a_plain_loop(name, dataset, soft, epochs, augment, nets):
    """In double precision, as rounding grows in so many steps."""
    distilled = tiny_set(dataset, soft=soft, images=12)
    modules = [TinyNet().double() for _ in range(nets)]
    theta = torch.stack([flat_weights(module) for module in modules])
    ours = minibatch_training.train(distilled, classification(StackedNet(modules[0])), theta, protocol=name)
    y = (distilled.labels if name == "soft" else distilled.hard_labels).flatten(0, 1)
    for module, weights in zip(modules, ours, strict=True):
        plain = by_hand(module, distilled.images.flatten(0, 1), y, name=name, epochs=epochs, augment=augment)
        torch.testing.assert_close(weights, plain, rtol=1e-5, atol=1e-7)
    assert len(ours.unique(dim=0)) == nets


@pytest.mark.usefixtures("short")
def test_minibatches_are_of_256_images():
    distilled = tiny_set(images=300)
    module = TinyNet().double()
    theta = flat_weights(module).unsqueeze(0)
    ours = minibatch_training.train(distilled, classification(StackedNet(module)), theta, protocol="dc")
    plain = by_hand(module, distilled.images.flatten(0, 1), distilled.labels.flatten(), name="dc", epochs=30)
    torch.testing.assert_close(ours[0], plain, rtol=1e-5, atol=1e-7)


@pytest.mark.usefixtures("short")
def test_batch_normalisation_is_by_the_minibatch_and_tested_by_running_statistics():
    """Each net has its own statistics, of whole minibatches however large; other protocols leave them alone."""
    distilled = tiny_set(images=300)
    distilled.images.mul_(3).add_(1)
    modules = [Normed(1, 8, 3).double() for _ in range(2)]
    theta = torch.stack([flat_weights(module) for module in modules])
    net = StackedNet(modules[0])
    ours = trained(distilled, net, classification(net), theta, PROTOCOLS["dc"])
    real = torch.randn(7, 1, 8, 8, dtype=torch.float64)
    for module, (own, weights) in zip(modules, ours, strict=True):
        plain = by_hand(
            module.train(), distilled.images.flatten(0, 1), distilled.labels.flatten(), name="dc", epochs=30
        )
        torch.testing.assert_close(weights[0], plain, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(own.module.norm.running_var, module.norm.running_var)
        assert not own.module.norm.training
        torch.testing.assert_close(own.logits(weights, real)[0], module.eval()(real), rtol=1e-5, atol=1e-7)
    assert torch.equal(net.module.norm.running_var, torch.ones(1).double())
    native = trained(distilled, net, classification(net), theta, PROTOCOLS["native"])
    assert [each for each, _ in native] == [net]
    assert torch.equal(net.module.norm.running_var, torch.ones(1).double())


def as_dc_scales(image, height, width):
    """What DC's code does with one image: nearest pixels into the middle of a square of zeros, then its middle."""
    size = image.shape[-1]
    side = max(height, width, size)
    square = torch.zeros(len(image), side, side, dtype=image.dtype)
    top, left = (side - height) // 2, (side - width) // 2
    scaled = nn.functional.interpolate(image.unsqueeze(0), [height, width])[0]
    square[:, top : top + height, left : left + width] = scaled
    first = (side - size) // 2
    return square[:, first : first + size, first : first + size]


def test_dcs_augmentation_crops_scales_or_turns_each_image():
    """Every result is one that DC's code can give for that image, and all three kinds come up."""
    size = 12
    x = torch.randn(90, 2, size, size, generator=torch.Generator().manual_seed(1)) + 0.3
    gray = x.mean((0, 2, 3))
    before = x.clone()
    changed = dc_augmentation(x, generator(0, "test"))
    assert torch.equal(x, before)
    assert torch.equal(changed, dc_augmentation(x, generator(0, "test")))
    sides = range(int(0.8 * size), int(1.2 * size) + 1)
    kinds = []
    for image, ours in zip(x, changed, strict=True):
        bordered = gray.view(-1, 1, 1).expand(2, size + 8, size + 8).clone()
        bordered[:, 4:-4, 4:-4] = image
        crops = [bordered[:, r : r + size, c : c + size] for r in range(8) for c in range(8)]
        scaled = [as_dc_scales(image, height, width) for height in sides for width in sides]
        if any(torch.equal(ours, each) for each in crops):
            kinds.append("crop")
        elif any(torch.equal(ours, each) for each in scaled):
            kinds.append("scale")
        else:
            kinds.append("rotate")
            turned = (rotate(image.numpy(), a, axes=(-2, -1), cval=gray.mean().item()) for a in range(-45, 45))
            middles = ((each, *((side - size) // 2 for side in each.shape[1:])) for each in turned)
            all_turned = [torch.from_numpy(each[:, t : t + size, s : s + size]) for each, t, s in middles]
            assert any(torch.equal(ours, each) for each in all_turned)
    assert all(kinds.count(kind) > 15 for kind in ("crop", "scale", "rotate"))


def test_dsas_augmentation_is_one_kind_for_a_minibatch():
    """Some minibatches are mirrored and nothing else; none is where that is not allowed."""
    x = torch.randn(40, 3, 8, 8, generator=torch.Generator().manual_seed(1))

    def only_mirrored(changed):
        return all(
            torch.allclose(a, b, atol=1e-5) or torch.allclose(a, b.flip(2), atol=1e-5)
            for a, b in zip(changed, x, strict=True)
        )

    for flip in (True, False):
        augment = dsa_augmentation(flip=flip)
        changed = [augment(x, generator(0, "dsa", epoch)) for epoch in range(40)]
        assert any(map(only_mirrored, changed)) == flip
        assert not all(map(only_mirrored, changed))
