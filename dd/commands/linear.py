"""The command that measures the linear case (Section 3.3)."""

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import Command, setting_option
from dd.distill.linear_settings import LinearSettings
from dd.runtime.number_lists import number_list
from dd.runtime.paths import OUTPUT


@main.command(cls=Command)
@setting_option(LinearSettings, "dimension")
@setting_option(LinearSettings, "sizes", type=str, default=",".join(map(str, LinearSettings().sizes)))
@setting_option(LinearSettings, "problems")
@setting_option(LinearSettings, "meta_steps")
@click.option("--out", type=OUTPUT, required=True, help="CSV, one row for each problem, M and method.")
def linear_case(dimension: int, sizes: str, problems: int, meta_steps: int, out: Path) -> None:
    """Section 3.3: distilled pairs for least squares reach the global minimum in one step if, and only if, M >= D.

    The command measures this for the closed form and for Algorithm 1: what is expected over initial weights from
    N(0, I), exactly, and the greatest of 1,000. It computes a lower bound for M < D.

    \b
    Example:
      python -m dd linear-case --dimension 4 --sizes 1,2,4,6 --out linear.csv
    """
    from dd.distill.linear_case import linear_case as run
    from dd.report.measurements import with_kind
    from dd.runtime.files import write_text
    from dd.runtime.progress import progress

    counts = number_list("--sizes", sizes)
    with progress(problems * len(counts), unit="set") as bar:
        table = run(dimension=dimension, sizes=counts, problems=problems, meta_steps=meta_steps, on_one=bar.update)
    write_text(out, with_kind("linear case", table).to_csv(index=False))
    for method, rows in table[table["M"] >= dimension].groupby("method", sort=False):
        click.echo(f"{method}: M >= D leaves {rows['gap'].max():.1g} of the gap")
