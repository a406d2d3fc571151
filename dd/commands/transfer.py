"""The command for sets on networks they were not made for."""

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import IN, OUT, Command, check_endings


@main.command(cls=Command)
@click.option("--metrics", type=IN, required=True, multiple=True, help="CSV of `dd evaluate --protocol`; repeat.")
@click.option("--out", type=OUT, required=True, multiple=True, help="Table: .csv, .md or .html. Can be repeated.")
def transfer(metrics: tuple[Path, ...], out: tuple[Path, ...]) -> None:
    """Write how sets do on other networks and by the field's protocol.

    The table has one row for each set and network, and one column for each protocol.

    \b
    Example:
      python -m dd transfer --metrics carried.csv --out transfer.md --out transfer.html
    """
    from dd.report.tables.transfer import TRANSFER_WRITERS, transfer_table
    from dd.runtime.files import write_text

    check_endings(out, tuple(TRANSFER_WRITERS))
    table = transfer_table(metrics)
    for path in out:
        write_text(path, TRANSFER_WRITERS[path.suffix](table))
