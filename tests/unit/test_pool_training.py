import pytest
import torch
from torch import nn

from dd.data.batches import RealBatches, TrainingImages, normalise
from dd.distill.loss import classification
from dd.nets.init_schemes import flat_weights
from dd.nets.stacked import StackedNet
from dd.pools.settings import TrainConfig
from dd.pools.train import train_nets
from tests.conftest import TinyNet


@pytest.mark.parametrize("augmentation", ["none", "crop_flip"])
def test_training_is_plain_pytorch_on_every_net_alone(augmentation):
    random = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (60, 1, 8, 8), generator=random, dtype=torch.uint8)  # the last batch of a pass is short
    y = torch.randint(0, 3, (60,), generator=random)
    mean, std = torch.tensor([0.5]), torch.tensor([0.3])
    pixels = TrainingImages(x, y, mean, std, augmentation)
    real = RealBatches(pixels, batch_size=16, seed=5, short_batches=True)
    torch.manual_seed(0)  # Adam blows the rounding of gradients near 0 up, and some nets have such
    modules = [TinyNet() for _ in range(6)]
    theta = torch.stack([flat_weights(module) for module in modules])
    loss = classification(StackedNet(modules[0]))
    config = TrainConfig(epochs=3, lr=1e-2, halve_every=2, batch=16, seed=5)
    trained = train_nets(loss, theta, pixels, config=config)
    torch.testing.assert_close(train_nets(loss, theta[2:4], pixels, config=config), trained[2:4])
    for module, ours in zip(modules, trained, strict=True):
        adam = torch.optim.Adam(module.parameters(), lr=1e-2, betas=(0.5, 0.999))
        for step in range(12):
            adam.param_groups[0]["lr"] = 1e-2 if step < 8 else 5e-3
            images, labels = real.batch(step)
            adam.zero_grad()
            nn.functional.cross_entropy(module(images), labels).backward()
            adam.step()
        torch.testing.assert_close(ours, flat_weights(module), rtol=1e-4, atol=1e-5)


def test_training_learns():
    y = torch.arange(3).repeat(30)
    x = (80 * y + 40).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    mean, std = torch.tensor([0.5]), torch.tensor([0.3])
    theta = torch.stack([flat_weights(TinyNet()) for _ in range(2)])
    loss = classification(StackedNet(TinyNet()))
    config = TrainConfig(epochs=200, lr=1e-2, halve_every=200, batch=30, seed=1)
    trained = train_nets(loss, theta, TrainingImages(x, y, mean, std), config=config)
    assert loss(trained, normalise(x, mean, std), y).max() < 0.05 < loss(theta, normalise(x, mean, std), y).min()
