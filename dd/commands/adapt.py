"""The command that trains the networks of a set in other ways than on its images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.adaptation import ADAPTATIONS
from dd.adaptation.adaptation import Adaptation
from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import Command, compute_options, given_options, pool_option, setting_option, settings_options
from dd.config.sections import AdaptedNets
from dd.pools.settings import TrainConfig
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT

if TYPE_CHECKING:
    from dd.pools.store import PoolFolder

NEED_SOURCE = ", ".join(name for name, adaptation in ADAPTATIONS.items() if adaptation.needs_source)


@main.command(cls=Command)
@listing(ADAPTATIONS)
@click.argument("name", metavar="METHOD", type=click.Choice(list(ADAPTATIONS)))
@click.option("--set", "set_path", type=INPUT, required=True, help="Distilled set whose held-out nets are trained.")
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset to adapt to, an .npz.")
@click.option(
    "--source", "source_path", type=INPUT, help=f"With {NEED_SOURCE}: prepared dataset that the nets were trained on."
)
@setting_option(AdaptedNets, "nets")
@click.option("--out", type=OUTPUT, required=True, help="CSV, one row for each net.")
@compute_options
@pool_option
@settings_options(TrainConfig, "config")
def adapt(
    name: str,
    set_path: Path,
    data_path: Path,
    source_path: Path | None,
    nets: int,
    out: Path,
    config: TrainConfig,
    pool: PoolFolder | None,
    device: str,
    workers: int,
) -> None:
    """Train the nets of a set without its images, and test them: pre-trained ones adapt to new data (Tables 2 and 3).

    Newly initialised nets, which `full` trains on all training images, are full training beside Table 1.

    \b
    METHOD is one of
    {list}

    \b
    Examples, for a set of USPS images that was made for nets trained on MNIST:
      python -m dd adapt full --set set.safetensors --data usps_28.npz --pool mnist --out full.csv
      python -m dd adapt fada --set set.safetensors --data usps_28.npz --source mnist.npz --pool mnist --out f.csv
    """
    from dd import load as load_set
    from dd.adaptation.adapt import adapted
    from dd.adaptation.adaptation import AdaptationTask
    from dd.data.prepared import load
    from dd.report.formatting import accuracy_text, with_interval
    from dd.runtime.files import write_text
    from dd.runtime.progress import progress

    del workers  # the workflow runs methods as parallel jobs instead
    adaptation = ADAPTATIONS[name]
    _check(adaptation, source_path)
    distilled, dataset = load_set(set_path), load(data_path)
    source = load(source_path) if source_path and adaptation.needs_source else None
    task = AdaptationTask(distilled, dataset, source, progress)
    table = adapted(adaptation, task, distilled.initial(pool), config, nets=nets, device=device)
    write_text(out, with_interval(table).to_csv(index=False))
    accuracy = table["accuracy"]
    reached = accuracy_text(accuracy.mean(), accuracy.std(), len(dataset.x_test), digits=2)
    click.echo(f"{name}: {reached} % over {len(accuracy)} net(s)")


def _check(adaptation: Adaptation, source_path: Path | None) -> None:
    """Refuse options that the method does not take.

    Raises:
        UserError: such an option is given, or the source is missing.
    """
    if given := given_options(TrainConfig).difference(adaptation.settings):
        option = min(given).replace("_", "-")
        raise UserError(f"--{option}: {adaptation.name} does not take this option; leave it out")
    if adaptation.needs_source and source_path is None:
        raise UserError(f"--source: {adaptation.name} needs the data that the nets were trained on")
