"""Paths that commands read and write, and the check that outputs can be written and replace no input."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from dd.runtime.errors import UserError


class OutputPath(click.Path):
    """The type of an option that names what a command writes."""


INPUT = click.Path(path_type=Path, dir_okay=False)
INPUT_OR_FOLDER = click.Path(path_type=Path)
OUTPUT = OutputPath(path_type=Path, dir_okay=False)
OUTPUT_OR_FOLDER = OutputPath(path_type=Path)
FOLDER = click.Path(path_type=Path, file_okay=False)


class NamedPath(NamedTuple):
    """A path that a user gave."""

    option: str
    """As the user writes it: `--out`."""
    path: Path
    written: bool
    may_be_folder: bool

    def is_same(self, other: "NamedPath") -> bool:
        """Whether both lead to one file, by way of links too."""
        if self.path.exists() and other.path.exists():
            return self.path.samefile(other.path)
        return self.path.resolve() == other.path.resolve()


def check_outputs(command: click.Command, values: dict[str, object]) -> None:
    """Refuse a command that would replace its own input, write two outputs into one file, or fail to write one.

    Args:
        command: whose options say which paths are written.
        values: of the options, by the names of their parameters.

    Raises:
        UserError: it names both options and the path, or the path that cannot be written.
    """
    from dd.runtime.files import check_writable

    paths = list(_paths(command, values))
    for number, output in enumerate(paths):
        for other in paths[:number] + paths[number + 1 :]:
            if output.written and output.is_same(other):
                raise UserError(f"{output.option}: {output.path} is also {other.option}; choose another name for it")
        if output.written and not (output.may_be_folder and output.path.is_dir()):
            check_writable(output.path)


def _paths(command: click.Command, values: dict[str, object]) -> Iterator[NamedPath]:
    for parameter in command.params:
        if isinstance(parameter.type, click.Path):
            given = values.get(parameter.name or "")
            option = max(parameter.opts, key=len)
            written = isinstance(parameter.type, OutputPath)
            for path in given if isinstance(given, tuple) else (given,):
                if isinstance(path, Path):
                    yield NamedPath(option, path, written, parameter.type.dir_okay)
                    if path.suffix == ".npz":
                        yield NamedPath(f"the metadata of {option}", path.with_suffix(".json"), written, False)
