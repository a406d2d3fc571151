"""The command for real images in place of distilled ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dd.baselines import BASELINES
from dd.baselines.settings import BaselineSettings
from dd.commands.listing import listing
from dd.commands.main import main
from dd.commands.options import Command, compute_options, pool_option, settings_options
from dd.runtime.paths import INPUT, OUTPUT

if TYPE_CHECKING:
    from dd.pools.store import PoolFolder


@main.command(cls=Command)
@listing(BASELINES)
@click.argument("name", metavar="BASELINE", type=click.Choice(list(BASELINES)))
@click.option("--set", "set_path", type=INPUT, required=True, help="Distilled set that the baseline replaces.")
@click.option("--data", "data_path", type=INPUT, required=True, help="Prepared dataset, an .npz.")
@settings_options(BaselineSettings, "settings")
@click.option("--out", type=OUTPUT, required=True, help="CSV, one row for each set and combination.")
@compute_options
@pool_option
def baseline(
    name: str,
    set_path: Path,
    data_path: Path,
    settings: BaselineSettings,
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
    combination on the whole test set.

    \b
    Example:
      python -m dd baseline k_means --set set.safetensors --data mnist.npz --draws 3 --out k_means.csv
    """
    from dd import load as load_set
    from dd.baselines.grid import measure
    from dd.baselines.trial import BaselineTrial
    from dd.data.prepared import load
    from dd.report.formatting import accuracy_text, with_interval
    from dd.report.measurements import combination, pooled
    from dd.runtime.files import write_text
    from dd.runtime.progress import progress

    del workers  # the workflow runs baselines as parallel jobs instead
    chosen, distilled, dataset = BASELINES[name], load_set(set_path), load(data_path)
    trial = BaselineTrial(distilled, dataset, distilled.initial(pool), settings, device=device)
    trial.check(chosen)
    with progress(chosen.progress_steps(settings), unit="set") as bar:
        trial.on_progress = bar.update
        table = measure(chosen, trial)
    write_text(out, with_interval(table, "images").to_csv(index=False))
    test = table[table["stage"] == "test"]
    found = pooled(test)
    accuracy = accuracy_text(found.mean, found.std, len(dataset.x_test), digits=2)
    click.echo(f"{name}: {accuracy} % over {found.sets} set(s) and {found.nets} net(s), {combination(test)}")
