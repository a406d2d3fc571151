"""The command that judges a distilled set on held-out networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import Command, ProtocolName, compute_options, pool_option, setting_option, tell_remark
from dd.config.sections import Evaluate
from dd.evaluation.protocols import NATIVE, PROTOCOLS
from dd.runtime.paths import INPUT, OUTPUT
from dd.runtime.result_files import set_name

if TYPE_CHECKING:
    import pandas as pd

    from dd.distill.distilled_set import DistilledSet
    from dd.distill.initial_weights import Initial
    from dd.pools.store import PoolFolder


@main.command(cls=Command)
@listing(PROTOCOLS)
@click.option("--set", "set_path", type=INPUT, required=True, help="Distilled set, a .safetensors.")
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset, an .npz.")
@setting_option(Evaluate, "nets")
@click.option(
    "--net",
    "names",
    multiple=True,
    help="Network to train; another than the set's own is newly initialised. Can be repeated.  [default: its own]",
)
@click.option(
    "--random-init",
    is_flag=True,
    help="Train newly initialised networks, whatever initial weights the set was made for (Section 3.2).",
)
@click.option(
    "--protocol",
    "protocols",
    type=ProtocolName(),
    multiple=True,
    help=f"How networks are trained on the set. Can be repeated.  [default: {NATIVE}]",
)
@click.option("--out", type=OUTPUT, required=True, help="CSV, one row for each net and stage.")
@compute_options
@pool_option
def evaluate(
    set_path: Path,
    data_path: Path,
    nets: int,
    names: tuple[str, ...],
    random_init: bool,
    protocols: tuple[str, ...],
    out: Path,
    pool: PoolFolder | None,
    device: str,
    workers: int,
) -> None:
    """Train held-out networks on a distilled set, and test each on the whole test set before and after.

    \b
    Protocols:
    {list}

    \b
    Example:
      python -m dd evaluate --set set.safetensors --data mnist.npz --out accuracy.csv

    \b
    How a set for LeNets does on other networks, and on your own (package.module:Class):
      python -m dd evaluate --set set.safetensors --data mnist.npz --nets 5 --net LeNet --net MLP --net my_net:MyNet
        --protocol native --protocol dc --out transfer.csv

    \b
    How a set for one known net does on others of its kind:
      python -m dd evaluate --set fixed.safetensors --data mnist.npz --random-init --out other_inits.csv
    """
    from dd import load as load_set
    from dd.data.prepared import load
    from dd.distill.set_checks import other_data
    from dd.evaluation import held_out
    from dd.runtime.process_group import leads, process_group
    from dd.runtime.progress import progress

    distilled, dataset = load_set(set_path), load(data_path)
    distilled.check(dataset, whitens=True)
    if leads() and (warning := other_data(distilled, dataset)):
        click.echo(f"warning: {set_path}: {warning}", err=True)
    for protocol in protocols or (NATIVE,):
        PROTOCOLS[protocol].check(distilled)
    runs = _runs(distilled, names, protocols, random_init=random_init, pool=pool)
    counts = [initial.nets("held-out", nets) for _, initial, _ in runs]
    tables = []
    with process_group(workers, max(counts), device) as group:
        share = sum(len(group.share(range(count))) for count in counts)
        with progress(share, unit="net") as bar:
            for each, initial, protocol in runs:
                table = held_out.evaluate(
                    each, dataset, initial, nets, device=device, group=group, on_nets=bar.update, protocol=protocol
                )
                tables.append(table)
    if group.leads:
        _write(out, tables, {"set": set_name(set_path), "set_digest": f"sha256:{distilled.digest}"})
        for table in tables:
            _print_accuracy(table, with_network=bool(names or protocols))


def _runs(
    distilled: DistilledSet,
    names: tuple[str, ...],
    protocols: tuple[str, ...],
    *,
    random_init: bool,
    pool: PoolFolder | None,
) -> list[tuple[DistilledSet, Initial, str]]:
    """For each network and protocol the set as if it were made for them, and initial weights; a remark on networks."""
    from dd.evaluation.plain_nets import nets_for

    runs = []
    for name in names or (distilled.info["config"]["net"],):
        for protocol in protocols or ("",):
            chosen = PROTOCOLS[protocol or NATIVE]
            made, initial = nets_for(distilled, name, chosen, random_init=random_init, pool=pool)
            runs.append((made, initial, protocol))
        if names or random_init:
            tell_remark(runs[-1][0].make(), name)
    return runs


def _write(out: Path, tables: list[pd.DataFrame], which: dict[str, str]) -> None:
    """Write the tables as one CSV, with the columns `which` after the first; they say which set was measured."""
    import pandas as pd

    from dd.report.formatting import with_interval
    from dd.runtime.files import write_text

    table = pd.concat(tables)
    for place, (column, value) in enumerate(which.items(), start=1):
        table.insert(place, column, value)
    write_text(out, with_interval(table).to_csv(index=False))


def _print_accuracy(table: pd.DataFrame, *, with_network: bool) -> None:
    """Print the mean accuracy at each stage; `with_network` also the network and the protocol."""
    from dd.report.formatting import accuracy_text

    first = table.iloc[0]
    which = f"{first['net']}, {first.get('protocol', NATIVE)}, " if with_network else ""
    for stage, accuracy in table.groupby("stage", sort=False)["accuracy"]:
        reached = accuracy_text(accuracy.mean(), accuracy.std(), first["test_images"], digits=2)
        click.echo(f"{which}{stage}: {reached} % over {len(accuracy)} net(s)")
