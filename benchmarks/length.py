"""How long to train on a set that has no order, chosen on training images that its distillation held out.

    python benchmarks/length.py set.safetensors mnist.npz

Held-out networks are trained natively for each number of epochs. The test images choose nothing: `python -m dd judge
--epochs` measures the length that was chosen.
"""

from pathlib import Path

import click

import dd
from dd.data.prepared import load
from dd.distill.loss import classification
from dd.evaluation.made_for import for_epochs
from dd.evaluation.plain_nets import trained
from dd.evaluation.protocols import NATIVE, PROTOCOLS
from dd.nets.stacked import StackedNet
from dd.runtime.number_lists import number_list


@click.command(help=__doc__)
@click.argument("path", metavar="SET", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--epochs", default="60,100,300,1000", show_default=True, help="Numbers of epochs to judge after.")
@click.option("--nets", default=16, show_default=True, help="Networks, the same for all lengths.")
def main(path: Path, data: Path, epochs: str, nets: int) -> None:
    distilled, dataset = dd.load(path), load(data)
    config = distilled.info["config"]
    if config.get("train_on_all", True) or not config.get("validation_images"):
        raise click.ClickException(f"{path}: its distillation held out no training images")
    whitening = distilled.whitening(dataset)  # and checks that the set is of this dataset
    _, watched = dataset.split(config["validation_images"], config["seed"])
    x, y = dataset.x_train[watched], dataset.y_train[watched]
    net = StackedNet(distilled.make())
    loss, initial = classification(net), distilled.initial()
    theta = initial("validation", range(initial.nets("validation", nets)))
    best = (0.0, 0)
    for number in number_list("--epochs", epochs):
        [after] = trained(for_epochs(distilled, number), net, loss, theta, PROTOCOLS[NATIVE])
        accuracy = distilled.measures(*after, x, y, whitening)["accuracy"]
        best = max(best, (accuracy.mean().item(), number))
        click.echo(f"{number} epochs: {accuracy.mean():.1f} ± {accuracy.std():.1f} % of {len(y)}")
    click.echo(f"best: {best[1]} epochs")


if __name__ == "__main__":
    main()
