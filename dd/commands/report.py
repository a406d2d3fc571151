"""The commands that draw pictures and write tables from what others measured."""

from pathlib import Path

import click

from dd.commands.main import main
from dd.commands.options import FOLDER, IN, OUT, Command, check_endings, numbers, save
from dd.runtime.errors import UserError


@main.command(cls=Command)
@click.option(
    "--line",
    "lines",
    nargs=4,
    multiple=True,
    required=True,
    metavar="PANEL LABEL X CSV,...",
    help="A curve: its panel and label, what it is drawn against (steps, epochs or distilled_images), and the CSV of "
    "`dd evaluate` of each point. Repeat.",
)
@click.option("--note", default="", help="Small print below.")
@click.option("--table", "csv", type=OUT, help="CSV of the points, to write.")
@click.option("--out", type=OUT, required=True, multiple=True, help="Picture to write, .png or .pdf; may be repeated.")
def curves(lines, note, csv, out) -> None:
    r"""Draw accuracy against steps, epochs or images, as in the paper's Figures 4 and 5, and check what it says of them.

    \b
    Example:
      python -m dd curves --line MNIST "2 epochs" steps one.csv,five.csv,ten.csv --out fig4.png
    """
    from dd.report.figures.curves import AXES, accuracy_curves, claims, line, to_table
    from dd.report.provenance import of_data
    from dd.report.tables.paper_table import read_evaluated
    from dd.runtime.files import write_text

    check_endings(out)
    drawn, measured = [], []
    for panel, label, x, paths in lines:
        if x not in AXES:
            raise UserError(f"--line: {x!r} is not one of {', '.join(AXES)}")
        tables = [read_evaluated(Path(path), "after") for path in paths.split(",")]
        drawn.append(line(panel, label, x, tables))
        measured += tables
    if csv:
        write_text(csv, to_table(drawn).to_csv(index=False))
    save(accuracy_curves(drawn, [note, *of_data(*measured)]), out)
    for (panel, _), sentences in claims(drawn).items():
        for sentence in sentences:
            click.echo(f"{panel}: {sentence}")


@main.command(cls=Command)
@click.argument("name", type=click.Choice(["table1", "table2", "table3"]))
@click.option("--metrics", type=IN, required=True, multiple=True, help="CSV of `dd evaluate`, `baseline` or `adapt`.")
@click.option("--data", "metadata", type=IN, multiple=True, help="Prepared dataset, for its fidelity; repeat both.")
@click.option("--scale", required=True, help="What the table says it was measured at.")
@click.option("--out", type=OUT, required=True, multiple=True, help="Table: .csv, .md, .tex or .html; may be repeated.")
def table(name, metrics, metadata, scale, out) -> None:
    r"""Write one of the paper's tables, ours beside the reported numbers.

    \b
    Example:
      python -m dd table table1 --metrics accuracy.csv --metrics k_means.csv --data mnist.npz --scale mine --out t.md
    """
    from dd.report.tables.paper_table import WRITERS, paper_table, read_data, read_measured
    from dd.runtime.files import write_text

    check_endings(out, tuple(WRITERS))
    data = [read_data(path) for path in metadata]
    rows = paper_table(name, [read_measured(path) for path in metrics], scale, data)
    for path in out:
        write_text(path, WRITERS[path.suffix](name, rows))


@main.command(cls=Command)
@click.option("--metrics", type=IN, required=True, multiple=True, help="CSV of `dd evaluate` or `dd baseline`; repeat.")
@click.option("--scale", required=True, help="What the figure says it was measured at.")
@click.option("--table", "csv", type=OUT, required=True, help="CSV of the numbers, to write.")
@click.option("--out", type=OUT, required=True, multiple=True, help="Picture to write, .png or .pdf; may be repeated.")
def bars(metrics, scale, csv, out) -> None:
    r"""Draw how poisoned nets do beside those poisoned with real images, as in the paper's Figure 6.

    \b
    Example, of a set with an attack_class:
      python -m dd bars --metrics accuracy.csv --metrics random.csv --scale mine --table bars.csv --out bars.png
    """
    from dd.distill.settings import POISONING
    from dd.report.figures.poisoning import bars as draw
    from dd.report.figures.poisoning import poisoned
    from dd.report.tables.paper_table import read_measured
    from dd.runtime.files import write_text

    check_endings(out)
    tables = {path: read_measured(path) for path in metrics}
    for path, table in tables.items():
        if missing := set(POISONING).difference(table):
            raise UserError(
                f"{path}: lacks {min(missing)}; measure it anew, of a set made for poisoning (attack_class)"
            )
    rows = poisoned(list(tables.values()), scale)
    write_text(csv, rows.to_csv(index=False))
    save(draw(rows), out)


@main.command(cls=Command)
@click.option("--set", "set_path", type=IN, required=True, help="Distilled set, a .safetensors.")
@click.option("--metrics", type=IN, required=True, help="CSV of `dd evaluate` for the title.")
@click.option("--steps", default="", help="Steps to show, counted from 1, e.g. 1,2,5,10.  [default: all]")
@click.option("--out", type=OUT, required=True, multiple=True, help="Picture to write, .png or .pdf; may be repeated.")
def figure(set_path, metrics, steps, out) -> None:
    r"""Draw distilled images with their learning rates, as in the paper's Figures 2 and 3.

    \b
    Example:
      python -m dd figure --set set.safetensors --metrics accuracy.csv --steps 1,5,10 --out images.png --out images.pdf
    """
    from dd import load as load_set
    from dd.report.figures.distilled_images import distilled_images, title
    from dd.report.tables.paper_table import read_evaluated

    check_endings(out)
    distilled = load_set(set_path)
    total = len(distilled.images)
    shown = numbers("--steps", steps) if steps else list(range(1, total + 1))
    if max(shown) > total:
        raise UserError(f"--steps: {steps} must lie between 1 and {total}, the steps of this set")
    picture = distilled_images(
        distilled.images.numpy(),
        distilled.labels.numpy(),
        distilled.lrs.numpy(),
        distilled.info["classes"],
        shown,
        title(read_evaluated(metrics, "before", "after")),
    )
    save(picture, out)


@main.command(cls=Command)
@click.option(
    "--measured",
    nargs=2,
    multiple=True,
    required=True,
    metavar="NAME CSV",
    help="A table or figure of the paper (table1, fig4, fig6, linear_case) and its CSV; of a figure of distilled "
    "images (fig2a) the CSV of `dd evaluate`. Repeat.",
)
@click.option("--not-run", nargs=3, multiple=True, metavar="NAME TASK WHY", help="Why a task is missing; repeat.")
@click.option("--scale", required=True, help="What the comparison says it was measured at.")
@click.option("--out", type=OUT, required=True, multiple=True, help="File: .csv, .md, .tex or .html; may be repeated.")
def compare(measured, not_run, scale, out) -> None:
    r"""Write every number of the paper beside what was measured, with a verdict on each.

    The claims of its tables, figures and Section 3.3 follow, with what the measured numbers say of them.

    \b
    Example:
      python -m dd compare --measured table1 table1.csv --measured fig2a evaluate/mnist_fixed.csv \\
        --not-run fig6 cifar10 "takes days without a GPU" --scale laptop --out compare.md
    """
    from dd.report.comparison import compare as rows
    from dd.report.comparison import read
    from dd.report.comparison_page import WRITERS, summary
    from dd.runtime.files import write_text

    check_endings(out, tuple(WRITERS))
    table = rows(
        {name: read(Path(path)) for name, path in measured},
        {(name, task): why for name, task, why in not_run},
        scale,
    )
    for path in out:
        write_text(path, WRITERS[path.suffix](table, scale))
    click.echo(summary(table).to_string(index=False))


@main.command(cls=Command)
@click.option("--history", type=IN, required=True, help="CSV that `dd distill` writes; it may still be growing.")
@click.option("--out", type=OUT, required=True, multiple=True, help="Picture to write, .png or .pdf; may be repeated.")
def training(history, out) -> None:
    r"""Draw how a distillation went, or goes: loss, held-out accuracy, norm of the meta-gradient, learning rates.

    \b
    Example:
      python -m dd training --history history.csv --out training.png
    """
    from dd.report.figures.training import COLUMNS
    from dd.report.figures.training import training as draw
    from dd.report.tables.paper_table import read_table

    check_endings(out)
    save(draw(read_table(history, COLUMNS, "distill --history"), history.resolve().parent.name), out)


@main.command(cls=Command)
@click.option("--text", required=True, help="The configuration, in YAML.")
@click.option("--scale", required=True, help="What the page says it belongs to.")
@click.option("--out", type=OUT, required=True, help="Page to write, an .html.")
def configuration(text, scale, out) -> None:
    r"""Write a configuration as a page of the report.

    \b
    Example:
      python -m dd configuration --text "$(cat config.yaml)" --scale paper --out configuration.html
    """
    from dd.report.html_page import configuration as written
    from dd.runtime.files import write_text

    write_text(out, written(scale, text))


@main.command(cls=Command)
@click.option("--results", type=FOLDER, required=True, help="What a run made, e.g. results/laptop.")
@click.option("--out", type=FOLDER, required=True, help="Where the small files go, e.g. results/published/laptop.")
def publish(results, out) -> None:
    r"""Keep the tables, pictures and histories of a run, with the seeds, budgets and versions that made them.

    \b
    Example:
      python -m dd publish --results results/laptop --out results/published/laptop
    """
    from dd.report.publish import publish as copy

    click.echo(copy(results, out).drop(columns="fidelity").to_string(index=False))
