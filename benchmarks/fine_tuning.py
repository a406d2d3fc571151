"""Which schedule fine-tunes a pre-trained network best: the full-data rival of Table 3, chosen on held-out images.

    python benchmarks/fine_tuning.py birds10.npz efficientnet_lite0.safetensors

`python -m dd data prepare birds10` and `python -m dd data weights efficientnet_lite0` make the two files. All weights
are trained by Adam at each rate, and judged at each number of epochs on training images that are held out. The test
images choose nothing: `python -m dd adapt full` measures the schedule that was chosen.
"""

from functools import partial
from pathlib import Path

import click
import pandas as pd
import torch
from torch import Tensor

from dd.data.prepared import load
from dd.distill.loss import classification
from dd.distill.metrics import accuracy
from dd.nets.factory import build
from dd.nets.init_schemes import flat_weights
from dd.nets.pretrained import PretrainedFile
from dd.nets.stacked import StackedNet
from dd.pools.settings import TrainConfig
from dd.pools.train import PoolTrainer
from dd.runtime.number_lists import number_list


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--net", default="EfficientNetLite0", show_default=True, help="The network of the weights.")
@click.option("--held-out", default=30, show_default=True, help="Training images to choose the schedule on.")
@click.option("--lr", "rates", type=float, multiple=True, default=(1e-4, 3e-4, 1e-3), show_default=True)
@click.option("--epochs", default="5,10,20,40", show_default=True, help="Numbers of epochs to judge after.")
@click.option("--batch", default=30, show_default=True, help="Images of a step.")
@click.option("--seeds", default=3, show_default=True, help="Runs at each rate, whose mean accuracy counts.")
def main(
    data: Path, weights: Path, net: str, held_out: int, rates: tuple[float, ...], epochs: str, batch: int, seeds: int
) -> None:
    dataset, file = load(data), PretrainedFile.load(weights)
    channels, size, _ = dataset.image_shape
    module = file.network(partial(build, net, channels, size, len(dataset.classes)))
    stacked, mean, std = StackedNet(module), torch.tensor(file.info["mean"]), torch.tensor(file.info["std"])
    loss, theta = classification(stacked), flat_weights(module).unsqueeze(0)
    left, kept = dataset.split(held_out, seed=0)
    images = dataset.training_images()._replace(x=dataset.x_train[left], y=dataset.y_train[left], mean=mean, std=std)

    def judged(trained: Tensor) -> float:
        return accuracy(stacked, trained, dataset.x_train[kept], dataset.y_train[kept], mean, std).item()

    rows = []
    for lr in rates:
        for seed in range(seeds):
            numbers = number_list("--epochs", epochs)
            config = TrainConfig(epochs=max(numbers), lr=lr, halve_every=max(numbers), batch=batch, seed=seed)
            trainer = PoolTrainer(loss, theta, images, config=config)
            for number in numbers:
                while trainer.done < number * trainer.real.per_pass:
                    trainer.step()
                rows.append({"lr": lr, "epochs": number, "accuracy": judged(trainer.theta)})
                click.echo(f"rate {lr:g}, seed {seed}, {number} epochs: {rows[-1]['accuracy']:.1f} % of {len(kept)}")
    mean_of_runs = pd.DataFrame(rows).groupby(["lr", "epochs"])["accuracy"].mean()
    lr, number = mean_of_runs.idxmax()
    click.echo(f"best: rate {lr:g}, {number} epochs: {mean_of_runs.max():.1f} % of {len(kept)}, mean of {seeds} runs")


if __name__ == "__main__":
    main()
