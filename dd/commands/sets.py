"""The command that shows how distilled sets do on other networks."""

import click

from dd.commands.main import main
from dd.commands.options import IN, OUT, Command, check_endings


@main.command(cls=Command)
@click.option("--metrics", type=IN, required=True, multiple=True, help="CSV of `dd evaluate --protocol`; repeat.")
@click.option("--out", type=OUT, required=True, multiple=True, help="Table: .csv, .md or .html; may be repeated.")
def transfer(metrics, out) -> None:
    """Write how sets do on other networks and by the field's protocol: a row a set and network, a column a protocol.

    \b
    Example:
      python -m dd transfer --metrics carried.csv --out transfer.md --out transfer.html
    """
    from dd.report.transfer import WRITERS, transfers
    from dd.runtime.files import write_text

    check_endings(out, tuple(WRITERS))
    table = transfers(metrics)
    for path in out:
        write_text(path, WRITERS[path.suffix](table))
