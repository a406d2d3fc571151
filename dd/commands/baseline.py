"""The command for real images in place of distilled ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.baselines import BASELINES
from dd.baselines.settings import BaselineSettings
from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import Command, ProtocolName, compute_options, pool_option, settings_options, tell_remark
from dd.evaluation.protocols import NATIVE, PROTOCOLS
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT

if TYPE_CHECKING:
    from dd.baselines.baseline import Baseline
    from dd.pools.store import PoolFolder


@main.command(cls=Command)
@listing(BASELINES)
@click.argument("name", metavar="BASELINE", type=click.Choice(list(BASELINES)))
@click.option("--set", "set_path", type=INPUT, required=True, help="Distilled set that the baseline replaces.")
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset, an .npz.")
@settings_options(BaselineSettings, "settings")
@click.option(
    "--net",
    help="Network to train; another than the set's own is newly initialised.  [default: the set's own]",
)
@click.option(
    "--protocol",
    type=ProtocolName(),
    help="How networks are trained, as in dd judge.  [default: by GD steps, as the set's, in every combination]",
)
@click.option("--out", type=OUTPUT, required=True, help="CSV, one row for each set and combination.")
@compute_options
@pool_option
def baseline(
    name: str,
    set_path: Path,
    data_path: Path,
    settings: BaselineSettings,
    net: str | None,
    protocol: str | None,
    out: Path,
    pool: PoolFolder | None,
    device: str,
    workers: int,
) -> None:
    """Train held-out networks on real images instead of a distilled set, or classify by neighbours among them.

    \b
    BASELINE is one of
    {list}

    Tries learning rates {learned, 0.001 to 0.3} and epochs {1, 3, 5}, or K {1, 3} and l1, l2, and tests the best
    combination on the whole test set. With --protocol no rate or number of epochs is tried: networks are trained on
    the real images as on a distilled set, and --nets and --choose-on mean nothing.

    \b
    Examples:
      python -m dd baseline k_means --set set.safetensors --data mnist.npz --draws 3 --out k_means.csv
      python -m dd baseline k_means --set set.safetensors --data mnist.npz --net MLP --protocol dc --draws 3 \\
        --test-nets 5 --out k_means_dc.csv

    \b
    A set beside random real images and all training images, for another network, trained as usual, is one command:
      python -m dd judge set.safetensors --data mnist.npz --net MLP --protocol dc --rank --whole 3 --out judged.csv
    """
    from dd import load as load_set
    from dd.baselines.by_protocol import ByProtocol
    from dd.baselines.grid import measure
    from dd.baselines.trial import BaselineTrial
    from dd.data.prepared import load
    from dd.evaluation.made_for import made_for
    from dd.evaluation.plain_nets import nets_for
    from dd.nets.stacked import StackedNet
    from dd.report.formatting import accuracy_text, with_interval
    from dd.report.measurements import combination, pooled
    from dd.runtime.files import write_text
    from dd.runtime.progress import progress

    del workers  # the workflow runs baselines as parallel jobs instead
    chosen, distilled, dataset = BASELINES[name], load_set(set_path), load(data_path)
    _check_options(chosen, net, protocol)
    way = PROTOCOLS[protocol or NATIVE]
    if protocol:
        way.check(distilled)
    replaced, initial = nets_for(distilled, net or distilled.info["config"]["net"], way, pool=pool)
    if net and not protocol and StackedNet(replaced.make()).batch_norms:
        raise UserError(f"--net {net}: has batch normalisation, which baselines train by --protocol alone; add one")
    if net:
        tell_remark(replaced.make(), net)
    networks = partial(ByProtocol, way) if protocol else None
    trial = BaselineTrial(replaced, dataset, initial, settings, networks=networks, device=device)
    trial.check(chosen)
    with progress(chosen.progress_steps(settings, tries=not protocol), unit="set") as bar:
        trial.on_progress = bar.update
        table = measure(chosen, trial).assign(**made_for(replaced))
    write_text(out, with_interval(table, "images").to_csv(index=False))
    test = table[table["stage"] == "test"]
    found = pooled(test)
    accuracy = accuracy_text(found.mean, found.std, len(dataset.x_test), digits=2)
    click.echo(f"{name}: {accuracy} % over {found.sets} set(s) and {found.nets} net(s), {combination(test)}")


def _check_options(baseline: Baseline, net: str | None, protocol: str | None) -> None:
    if baseline.classifier == "neighbours" and (net or protocol):
        raise UserError(f"{'--net' if net else '--protocol'}: {baseline.name} trains no network; leave it out")
