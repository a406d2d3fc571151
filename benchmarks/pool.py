"""LeNets trained in an hour: by our pools, several at once, and by plain PyTorch, one at a time, on the same threads.

    python benchmarks/pool.py [--threads 2] [--nets 8] [--batch 1024] [--steps 2] [--rounds 15]

The two take turns. Prints the medians and, for each round, their ratio. Both train on random images of MNIST's size.
Plain PyTorch gets them as normalised floats; our pools normalise them in every step, as in the workflow.
"""

import argparse
import statistics
import time

import torch
from torch import nn

from dd.data.batches import TrainingImages
from dd.distill.loss import classification
from dd.nets.init_schemes import flat_weights
from dd.nets.lenet import LeNet
from dd.nets.stacked import StackedNet
from dd.pools.settings import TrainConfig
from dd.pools.train import PoolTrainer
from dd.runtime.memory import keep_freed_memory

EPOCHS, IMAGES = 40, 60_000
"""Epochs and images of a net of the paper's MNIST pool, to convert the measured time to nets in an hour."""


def plain() -> nn.Module:
    """LeNet in plain PyTorch."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def train_plain(nets: int, x: torch.Tensor, y: torch.Tensor, batch: int, steps: int) -> None:
    for _ in range(nets):
        net = plain()
        adam = torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
        for _ in range(steps):
            chosen = torch.randint(len(x), (batch,))
            adam.zero_grad()
            nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
            adam.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("threads", 2), ("nets", 8), ("batch", 1024), ("steps", 2), ("rounds", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    images = torch.randint(0, 256, (20_000, 1, 28, 28), dtype=torch.uint8)
    labels = torch.randint(0, 10, (len(images),))
    mean, std = torch.tensor([0.13]), torch.tensor([0.31])
    floats = (images / 255 - mean) / std
    theta = torch.stack([flat_weights(LeNet()) for _ in range(options.nets)])
    train_config = TrainConfig(epochs=1000, batch=options.batch)
    training_images = TrainingImages(images, labels, mean, std)
    ours = PoolTrainer(classification(StackedNet(LeNet())), theta, training_images, config=train_config)
    ours.step()
    train_plain(1, floats, labels, options.batch, 1)
    seconds: dict[str, list[float]] = {"ours": [], "plain PyTorch": []}
    for _ in range(options.rounds):
        started = time.perf_counter()
        for _ in range(options.steps):
            ours.step()
        between = time.perf_counter()
        train_plain(options.nets, floats, labels, options.batch, options.steps)
        seconds["ours"].append(between - started)
        seconds["plain PyTorch"].append(time.perf_counter() - between)
    for name, values in seconds.items():
        rate = options.nets * options.steps * options.batch / statistics.median(values)
        hourly = 3600 * rate / (EPOCHS * IMAGES)
        print(f"{name}: {rate:,.0f} images a second, {hourly:.1f} nets of {EPOCHS} epochs an hour")
    ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
    print(f"ours is {statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
