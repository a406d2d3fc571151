"""The commands that make figures and tables from what others measured: one for each kind."""

import inspect
from pathlib import Path
from typing import Any

import click

from dd.commands.main import COMMANDS, main
from dd.commands.options import Command, check_endings, save
from dd.report.figures import FIGURES
from dd.report.figures.kind import FigureKind
from dd.report.tables import TABLE_KINDS
from dd.report.tables.kind import TableKind
from dd.runtime.errors import UserError
from dd.runtime.paths import OUTPUT


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
    parameters.append(out_option("Picture to write, .png, .pdf or .svg"))
    return Command(kind.command, callback=run, params=parameters, help=inspect.cleandoc(kind.help))


def writing_command(kind: TableKind) -> click.Command:
    """The command of a kind of table: it takes the options of the kind, and writes what `--out` names."""
    endings = [f".{ending}" for ending in kind.artefact.outputs]

    def run(out: tuple[Path, ...], **options: Any) -> None:
        from dd.runtime.files import write_text

        check_endings(out, tuple(endings))
        texts = kind.texts(**options)
        for path in out:
            write_text(path, texts[path.suffix]())

    told = f"Table: {', '.join(endings[:-1])} or {endings[-1]}"
    parameters = [*kind.options, out_option(told)]
    return Command(kind.artefact.command, callback=run, params=parameters, help=inspect.cleandoc(kind.help))


def out_option(what: str) -> click.Option:
    """The option that names the files to write."""
    return click.Option(["--out"], type=OUTPUT, required=True, multiple=True, help=f"{what}; may be repeated.")


def _add(command: click.Command, module: str) -> None:
    if command.name in {*COMMANDS, *main.commands}:
        raise UserError(f"{module}: the command {command.name!r} exists already; choose another name in its `command`")
    main.add_command(command)


for figure in FIGURES.values():
    _add(drawing_command(figure), figure.module)
for table in TABLE_KINDS.values():
    _add(writing_command(table), table.artefact.__module__)
