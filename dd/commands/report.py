"""The commands that write the comparison and pages of the report; those of figures and tables are in `figures`."""

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import Command, check_endings
from dd.runtime.paths import FOLDER, INPUT, OUTPUT


@main.command(cls=Command)
@click.option(
    "--measured",
    nargs=2,
    multiple=True,
    required=True,
    metavar="NAME CSV",
    help="A table or figure of the paper (table1, fig4, fig6, linear_case) and its CSV; for a figure of distilled "
    "images (fig2a), the CSV of `dd evaluate`. May be repeated, also with further seeds of a figure of images.",
)
@click.option(
    "--not-run", nargs=3, multiple=True, metavar="NAME TASK WHY", help="Why a task is missing; may be repeated."
)
@click.option(
    "--history",
    "histories",
    type=INPUT,
    multiple=True,
    help="CSV that `dd distill` wrote, for the hours it took; may be repeated.",
)
@click.option("--scale", required=True, help="Name of the scale, for the comparison.")
@click.option(
    "--out", type=OUTPUT, required=True, multiple=True, help="File: .csv, .md, .tex or .html; may be repeated."
)
@click.option("--verdicts", type=OUTPUT, help="The summary alone, as an HTML table to put into another page.")
def compare(
    measured: tuple[tuple[str, str], ...],
    not_run: tuple[tuple[str, str, str], ...],
    histories: tuple[Path, ...],
    scale: str,
    out: tuple[Path, ...],
    verdicts: Path | None,
) -> None:
    """Write every number of the paper beside what was measured, with a verdict on each.

    The claims of its tables, figures and Section 3.3 follow, each with what the measured numbers show.

    \b
    Example:
      python -m dd compare --measured table1 table1.csv --measured fig2a evaluate/mnist_fixed.csv \\
        --not-run fig6 cifar10 "takes days without a GPU" --scale laptop --out compare.md
    """
    from dd.report.comparison import compare as compared_rows
    from dd.report.comparison import read_hours, read_measurements
    from dd.report.comparison_page import COMPARISON_WRITERS, summary, verdicts_table
    from dd.report.records import Place
    from dd.runtime.files import write_text

    check_endings(out, tuple(COMPARISON_WRITERS))
    measurements = read_measurements(measured)
    reasons = {Place(name, task): why for name, task, why in not_run}
    hours = [read_hours(path) for path in histories]
    rows = compared_rows(measurements, reasons, scale)
    for path in out:
        write_text(path, COMPARISON_WRITERS[path.suffix](rows, scale, hours))
    if verdicts:
        write_text(verdicts, verdicts_table(rows))
    click.echo(summary(rows).to_string(index=False))


@main.command(cls=Command)
@click.option("--text", required=True, help="The configuration, in YAML.")
@click.option("--scale", required=True, help="Name of the scale, for the page.")
@click.option("--out", type=OUTPUT, required=True, help="Page to write, an .html.")
def configuration(text: str, scale: str, out: Path) -> None:
    """Write a configuration as a page of the report.

    \b
    Example:
      python -m dd configuration --text "$(cat config.yaml)" --scale paper --out configuration.html
    """
    from dd.report.html_page import configuration_page
    from dd.runtime.files import write_text

    write_text(out, configuration_page(scale, text))


@main.command(cls=Command)
@click.option("--results", type=FOLDER, required=True, help="Results of a run, e.g. results/laptop.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the copies, e.g. results/published/laptop.")
@click.option(
    "--set", "with_sets", multiple=True, help="Experiment whose distilled set is copied too; can be repeated."
)
def publish(results: Path, out: Path, with_sets: tuple[str, ...]) -> None:
    """Copy the tables, pictures and histories of a run, with the seeds, budgets and versions that made them.

    \b
    Example:
      python -m dd publish --results results/laptop --out results/published/laptop --set mnist_fixed --set mnist_random
    """
    from dd.report.publish import publish as copy_small_files

    click.echo(copy_small_files(results, out, with_sets).drop(columns="fidelity").to_string(index=False))
