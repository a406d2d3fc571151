"""Lists in the help of commands, made from what is declared."""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import TypeVar

from dd.runtime.discovery import Described

LINE_WIDTH = 104
"""Characters of a line, before click indents it."""
F = TypeVar("F", bound=Callable)


def listing(declarations: Mapping[str, Described]) -> Callable[[F], F]:
    """Replace `{list}` in a command's docstring, which is its help, by the names and descriptions of `declarations`."""
    column = max(map(len, declarations)) + 3
    lines = [
        textwrap.fill(f"  {name:{column}}{each.description}", LINE_WIDTH, subsequent_indent=" " * (column + 2))
        for name, each in declarations.items()
    ]

    def decorate(command: F) -> F:
        command.__doc__ = inspect.cleandoc(command.__doc__ or "").replace("{list}", "\n".join(lines))
        return command

    return decorate
