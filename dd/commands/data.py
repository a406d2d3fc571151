"""The commands that prepare datasets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import Command, setting_option, settings_options
from dd.config.sections import ImageFolder
from dd.data.augmentation import AUGMENTATIONS
from dd.data.datasets import DATASETS
from dd.data.settings import Changes
from dd.data.weights import WEIGHTS
from dd.runtime.paths import FOLDER, INPUT, OUTPUT

MIRROR = click.option(
    "--mirror",
    type=FOLDER,
    envvar="DD_DATA_MIRROR",
    show_envvar=True,
    help="Folder of NAME.npz or of official files, searched before downloading.",
)


@main.group()
def data() -> None:
    """Datasets in one canonical form.

    \b
    MNIST, and a folder of your own images with one subfolder for each class:
      python -m dd data prepare mnist --out mnist.npz
      python -m dd data prepare birds --out birds.npz --folder photos/ --size 32
    """


@data.command(cls=Command)
@listing(DATASETS)
@click.argument("name")
@click.option("--out", type=OUTPUT, required=True, help="The .npz to write; its metadata go into the .json beside it.")
@MIRROR
@click.option(
    "--folder",
    type=FOLDER,
    help="Your own images: one subfolder for each class, or train/ and test/ with such subfolders, or a labels.csv "
    "with the columns file,class,split.",
)
@setting_option(
    ImageFolder,
    "size",
    required=False,
    default=None,
    help="Pixels a side.  [default: 224 for photos, 32 with --folder]",
)
@setting_option(ImageFolder, "gray")
@setting_option(ImageFolder, "test_fraction")
@click.option(
    "--augment",
    type=click.Choice(list(AUGMENTATIONS)),
    help="How its images are changed at random whenever they are trained on: "
    + "; ".join(f"{name}, {each.description}" for name, each in AUGMENTATIONS.items())
    + ".  [default: as the authors did; none with --folder]",
)
def prepare(name: str, out: Path, mirror: Path | None, folder: Path | None, **how: Any) -> None:
    """Prepare NAME: one of the datasets below, or any other name with --folder.

    \b
    {list}

    Photos are scaled when they are prepared, to --size.

    \b
    Examples:
      python -m dd data prepare mnist --out data/mnist.npz
      python -m dd data prepare mnist --out data/mnist.npz --mirror /shared/datasets
      python -m dd data prepare fashion_mnist --out data/fashion_mnist.npz --mirror /usr/share/datasets
      python -m dd data prepare voc2007 --out data/voc2007.npz --size 64
      python -m dd data prepare birds --out data/birds.npz --folder photos/ --size 32
    """
    from dd.data.folder_listing import describe_folder
    from dd.data.obtain import prepare as run

    _show(out, run(name, out, mirror, folder=folder, **how))
    for line in describe_folder(folder) if folder else []:
        click.echo(line)


@data.command(cls=Command)
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset, an .npz.")
@click.option("--out", type=OUTPUT, required=True, help="The .npz to write; the new dataset takes its name.")
@settings_options(Changes, "changes")
def vary(data_path: Path, out: Path, changes: Changes) -> None:
    """Make a dataset from another, so that two domains have one size and number of channels.

    \b
    Examples:
      python -m dd data vary --data usps.npz --out usps_28.npz --size 28
      python -m dd data vary --data mnist.npz --out mnist_rgb.npz --size 32 --channels 3
      python -m dd data vary --data digits.npz --out shifted.npz --invert --noise 0.2
    """
    from dd.data.variants import vary as run

    _show(out, run(data_path, out, **changes.model_dump()))


@data.command(cls=Command)
@listing(WEIGHTS)
@click.argument("name")
@click.option("--out", type=OUTPUT, required=True, help="The .safetensors to write.")
@MIRROR
def weights(name: str, out: Path, mirror: Path | None) -> None:
    """Prepare the weights NAME of a network that others trained.

    \b
    {list}

    \b
    Example:
      python -m dd data weights alexnet --out data/alexnet.safetensors
    """
    from dd.data.weights import prepare_weights

    click.echo(f"{out}: {name}, from {prepare_weights(name, out, mirror)['source']}")


def _show(out: Path, info: Mapping[str, Any]) -> None:
    """Print what was written."""
    click.echo(f"{out}: {info['train']:,} training and {info['test']:,} test images, {len(info['classes'])} classes")
    click.echo(f"source: {info['source']}")
    click.echo(f"fidelity: {info['fidelity']}")
    click.echo(f"augmentation: {info['augmentation']}")
