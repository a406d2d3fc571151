"""The commands that draw: one for each kind of figure."""

import inspect
from pathlib import Path
from typing import Any

import click

from dd.commands.main import main
from dd.commands.options import OUT, Command, check_endings, save
from dd.report.figures import FIGURES
from dd.report.figures.kind import FigureKind


def drawing_command(kind: FigureKind) -> click.Command:
    """The command of a kind of figure: it takes the options of the kind, draws, and writes what `--out` names."""

    def run(out: tuple[Path, ...], table_path: Path | None = None, **options: Any) -> None:
        from dd.runtime.files import write_text

        check_endings(out)
        drawing = kind.draw(**options)
        if table_path and drawing.table is not None:
            write_text(table_path, drawing.table.to_csv(index=False))
        save(drawing.picture, out)
        for sentence in drawing.sentences:
            click.echo(sentence)

    parameters = list(kind.options)
    if kind.table_option:
        parameters.append(kind.table_option)
    parameters.append(
        click.Option(
            ["--out"],
            type=OUT,
            required=True,
            multiple=True,
            help="Picture to write, .png or .pdf. Can be repeated.",
        )
    )
    return Command(kind.command, callback=run, params=parameters, help=inspect.cleandoc(kind.help))


for figure in FIGURES.values():
    main.add_command(drawing_command(figure))
