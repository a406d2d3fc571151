"""The command for sets on networks they were not made for."""

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import IN, OUT, Command, check_endings


@main.command(cls=Command)
@click.option("--metrics", type=IN, required=True, multiple=True, help="CSV of `dd evaluate --protocol`; repeat.")
@click.option("--out", type=OUT, required=True, multiple=True, help="Table: .csv, .md or .html; may be repeated.")
def transfer(metrics: tuple[Path, ...], out: tuple[Path, ...]) -> None:
    """Write how sets do on other networks and by the field's protocol: a row a set and network, a column a protocol.

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
