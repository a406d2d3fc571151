"""The command that reads distilled sets of other programs."""

from __future__ import annotations

from pathlib import Path

import click

from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import Command
from dd.runtime.paths import INPUT, INPUT_OR_FOLDER, OUTPUT
from dd.sets.formats import FORMATS


@main.command(name="import", cls=Command)
@listing(FORMATS)
@click.argument("file", metavar="FILE", type=INPUT_OR_FOLDER)
@click.option("--data", "data_path", type=INPUT, help="Prepared dataset that it was distilled from, an .npz.")
@click.option("--format", "name", type=click.Choice(list(FORMATS)), help="Its format, if the content does not tell.")
@click.option(
    "--normalisation",
    help="How its images are normalised: see above.  [default: as all files of the format are]",
)
@click.option("--experiment", type=click.IntRange(0), help="Which of several sets in one file, counted from 0.")
@click.option("--factor", type=click.IntRange(1), help="How many images, a side, are packed in each.")
@click.option("--labels", type=INPUT, help="File of the labels, if it is not named as FILE is.")
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="Passes over the images, at the learned rate of the file, that are its native protocol.",
)
@click.option("--net", default="ConvNet3", show_default=True, help="Network that it was distilled for.")
@click.option("--out", type=OUTPUT, required=True, help="The .safetensors to write.")
def import_(
    file: Path,
    data_path: Path | None,
    name: str | None,
    normalisation: str | None,
    experiment: int | None,
    factor: int | None,
    labels: Path | None,
    epochs: int | None,
    net: str,
    out: Path,
) -> None:
    """Read the distilled set of another program, FILE, and write it as one of ours.

    No code in FILE is run. What it does not say is asked for, and checked as far as can be: images and classes must be
    those of --data, and you are warned if the pixels look as if they were normalised in another way.

    \b
    Formats:
    {list}

    \b
    --normalisation says how the images in FILE are normalised; some formats have one way:
      field          by the numbers that DC's code and most others have (MNIST, Fashion-MNIST, SVHN, CIFAR)
      dataset        by the mean and standard deviation of --data itself
      pixels         not at all: 0 to 1, or bytes
      MEAN/STD       by these numbers, such as 0.1307/0.3081; for each channel: 0.49,0.48,0.45/0.2,0.2,0.2
      kornia-zca     pixels of 0 to 1, whitened by kornia's ZCA with eps 0.1 (MTT with --zca, DATM, DD-Ranking)
      kornia-zca-standardised  the same, of pixels that are normalised as by `field` before
      unit-norm-zca  each image with mean 0 and norm 1, whitened with a regulariser of 0.1 (KIP, FRePo, RCIG, RaT-BPTT)

    --net is remembered as the network that the set was made for; most files do not say it.

    A set without rates of its own has no native protocol: judge it by another, such as --protocol dc.

    \b
    Examples:
      python -m dd import res_DC_MNIST_ConvNet_1ipc.pt --data mnist.npz --experiment 2 --out dc.safetensors
      python -m dd import images_best.pt --data cifar10.npz --normalisation kornia-zca --out mtt.safetensors
      python -m dd evaluate --set dc.safetensors --data mnist.npz --protocol dc --nets 5 --out dc.csv
    """
    from dd.data.prepared import load
    from dd.sets.imports import import_set
    from dd.sets.set_format import Asked

    asked = Asked(experiment=experiment, factor=factor, labels=labels)
    dataset = load(data_path) if data_path else None
    imported = import_set(file, dataset, asked=asked, name=name, normalisation=normalisation, net=net, epochs=epochs)
    imported.distilled.save(out)
    for line in (*imported.told, str(imported.distilled)):
        click.echo(line)
    for line in imported.warnings:
        click.echo(f"warning: {file}: {line}", err=True)
