"""The command that judges distilled sets alike."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import (
    Command,
    ProtocolName,
    check_endings,
    checkpoint_options,
    compute_options,
    pool_option,
    save,
)
from dd.evaluation.protocols import PROTOCOLS
from dd.nets import module_of
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT
from dd.runtime.result_files import set_name

if TYPE_CHECKING:
    from dd.data.prepared import Dataset
    from dd.distill.distilled_set import DistilledSet
    from dd.pools.store import PoolFolder


@main.command(cls=Command)
@listing(PROTOCOLS)
@click.argument("paths", metavar="SET...", type=INPUT, nargs=-1, required=True)
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset, an .npz.")
@click.option(
    "--protocol",
    "protocols",
    type=ProtocolName(),
    multiple=True,
    help="How networks are trained on a set. Can be repeated.  [default: each that fits it]",
)
@click.option(
    "--net", "names", multiple=True, help="Network to train. Can be repeated.  [default: the one a set is made for]"
)
@click.option("--nets", type=click.IntRange(1), default=5, show_default=True, help="Networks of each kind.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of initial weights and minibatches."
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    multiple=True,
    help="Epochs of native training, in place of the set's own; epochs beyond those have the rates of its last one. "
    "Can be repeated: then the chart is of accuracy against steps.  [default: the set's own]",
)
@click.option("--rank", is_flag=True, help="Train each network also on as many random real images.")
@click.option(
    "--whole",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Train networks also on all training images, for so many epochs: the upper line.",
)
@click.option("--chart", type=OUTPUT, help="Chart to write, .png, .pdf or .svg: bars, or lines with several --epochs.")
@click.option(
    "--out", type=OUTPUT, required=True, help="CSV, one row for each set, protocol, network and number of epochs."
)
@checkpoint_options(60)
@compute_options
@pool_option
def judge(
    paths: tuple[Path, ...],
    data_path: Path,
    protocols: tuple[str, ...],
    names: tuple[str, ...],
    nets: int,
    seed: int,
    epochs: tuple[int, ...],
    rank: bool,
    whole: int,
    chart: Path | None,
    out: Path,
    work: Path | None,
    checkpoint_seconds: float,
    force: bool,
    pool: PoolFolder | None,
    device: str,
    workers: int,
) -> None:
    """Train networks on each distilled set SET by each protocol, and test them on all test images of --data.

    All sets are judged alike: by dc, dsa and soft, they have the same initial weights, those of PyTorch, and by native
    those that a set is made for. The state after training is tested, and the test images choose nothing.

    \b
    Protocols:
    {list}

    --rank says how far a set is above as many random real images with their classes as labels, drawn anew for each
    network, which is trained on them in the same way from the same initial weights. --whole says how far it is below
    all of them.

    Sets of other programs are imported first (python -m dd import).

    \b
    Examples:
      python -m dd judge ours.safetensors dc.safetensors --data mnist.npz --out judged.csv --chart judged.png
      python -m dd judge dc.safetensors --data mnist.npz --protocol dc --net ConvNet3 --net MLP --rank --out judged.csv
      python -m dd judge ours.safetensors --data mnist.npz --protocol native --epochs 1 --epochs 10 --epochs 100 \\
        --rank --out lengths.csv --chart lengths.png
    """
    from dd.data.prepared import load
    from dd.evaluation.judge import Judge, make_cases
    from dd.report.judged import chart_of, shown
    from dd.runtime.checkpoints import checkpointed
    from dd.runtime.files import write_text
    from dd.runtime.loop import run_to_end
    from dd.runtime.progress import progress

    del workers  # PyTorch's threads share the work
    check_endings((chart,) if chart else (), option="--chart")
    sets, dataset = _load(paths), load(data_path)
    lengths = sorted(set(epochs))
    cases = make_cases(
        sets, dataset, protocols=protocols, nets=names, count=nets, seed=seed, pool=pool, epochs=lengths, whole=whole
    )
    _warn(sets, dataset, {case.name for case in cases}, protocols)
    judged = Judge(cases, dataset, rank=rank, seed=seed, device=device)
    with checkpointed(
        out,
        work=work,
        settings=judged.settings,
        modules=("dd.evaluation.judge", *{module_of(case.net) for case in cases}),
        every_seconds=checkpoint_seconds,
        force=force,
    ) as checkpoints:
        run_to_end(judged, checkpoints, partial(progress, unit=judged.unit))
        table = judged.table()
        write_text(out, table.to_csv(index=False))
    if chart:
        save(chart_of(table), (chart,))
    click.echo(shown(table))


def _warn(sets: dict[str, DistilledSet], dataset: Dataset, judged: set[str], protocols: tuple[str, ...]) -> None:
    """Name the sets that were distilled from other data than they are judged on, and those that are not judged."""
    from dd.distill.set_checks import other_data

    for name, distilled in sets.items():
        if warning := other_data(distilled, dataset):
            click.echo(f"warning: {name}: {warning}", err=True)
    for name in sorted(sets.keys() - judged):
        click.echo(f"{name}: left out, as it fits none of the protocols {', '.join(protocols)}", err=True)


def _load(paths: tuple[Path, ...]) -> dict[str, DistilledSet]:
    """The sets by their names, which must be different."""
    from dd import load

    names = [set_name(path) for path in paths]
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise UserError(f"SET: {times} sets are called {name}, and the table could not tell them apart; rename one")
    return dict(zip(names, map(load, paths), strict=True))
