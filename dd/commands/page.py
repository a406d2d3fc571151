"""The command that writes the page of one experiment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.commands.main import main
from dd.commands.options import Command, check_endings, compute_options, pool_option
from dd.runtime.errors import UserError
from dd.runtime.paths import INPUT, OUTPUT
from dd.runtime.result_files import set_name

if TYPE_CHECKING:
    from dd.pools.store import PoolFolder


@main.command(cls=Command)
@click.option("--set", "set_path", type=INPUT, required=True, help="Distilled set, a .safetensors.")
@click.option("--history", type=INPUT, required=True, help="CSV that `dd distill --history` wrote.")
@click.option(
    "--snapshots",
    type=INPUT,
    help="What `dd distill --snapshots` wrote: earlier images.  [default: none]",
)
@click.option(
    "--metrics", type=INPUT, multiple=True, required=True, help="CSV of `dd evaluate`; then those of further seeds."
)
@click.option(
    "--beside", type=INPUT, multiple=True, help="CSV of `dd baseline` or `dd adapt` of this set; may be repeated."
)
@click.option(
    "--benchmark", type=INPUT, help="What Snakemake measured of the job that distilled; left out if it is not there."
)
@click.option("--data", "data_path", type=INPUT, help="Prepared dataset, for the accuracy by class.  [default: none]")
@click.option("--out", type=OUTPUT, required=True, help="Page to write, an .html.")
@compute_options
@pool_option
def page(
    set_path: Path,
    history: Path,
    snapshots: Path | None,
    metrics: tuple[Path, ...],
    beside: tuple[Path, ...],
    benchmark: Path | None,
    data_path: Path | None,
    out: Path,
    pool: PoolFolder | None,
    device: str,
    workers: int,
) -> None:
    """Write all that was measured of one experiment, and how to load its set, as one page that needs no network.

    \b
    Example:
      python -m dd page --set set.safetensors --history history.csv --metrics accuracy.csv \\
        --beside k_means.csv --data mnist.npz --out page.html
    """
    from dd import load as load_set
    from dd.api.description import description
    from dd.data.prepared import load
    from dd.distill.snapshots import check_snapshots, load_snapshots
    from dd.report.class_accuracy import CLASS_NETS, class_accuracies
    from dd.report.experiment_page import experiment_page, read_measured_files
    from dd.runtime.files import write_text

    del workers  # a few networks are trained
    check_endings((out,), (".html",))
    distilled = load_set(set_path)
    measured = read_measured_files(distilled, history=history, metrics=metrics, beside=beside, benchmark=benchmark)
    if data_path:
        dataset, tested_on = load(data_path), measured.evaluated["dataset"].iloc[0]
        if dataset.name != tested_on:
            raise UserError(f"--data: {dataset.name}, but {metrics[0]} was measured on {tested_on}; give that")
        nets = min(CLASS_NETS, measured.evaluated["held_out_net"].nunique())
        by_class = class_accuracies(distilled, dataset, pool, nets=nets, device=device)
        measured = measured._replace(by_class=by_class)
    loaded = None
    if snapshots:
        loaded = load_snapshots(snapshots)
        check_snapshots(snapshots, loaded, distilled.images[0])
    written = experiment_page(
        set_name(set_path),
        set_path,
        distilled,
        measured,
        told=description(distilled),
        pool=pool.folder if pool else None,
        snapshots=loaded,
    )
    write_text(out, written)
