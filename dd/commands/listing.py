"""Lists in the help of commands, made from what is declared."""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

WIDTH = 104
"""Characters of a line, before click indents it."""
F = TypeVar("F", bound=Callable)


class Described(Protocol):
    """What every declared thing has."""

    @property
    def description(self) -> str:
        """One sentence for help."""


def listing(declarations: Mapping[str, Described]) -> Callable[[F], F]:
    """Put the names and descriptions of `declarations` where the docstring of a command, its help, says `{list}`."""
    column = max(map(len, declarations)) + 3
    lines = [
        textwrap.fill(f"  {name:{column}}{it.description}", WIDTH, subsequent_indent=" " * (column + 2))
        for name, it in declarations.items()
    ]

    def decorate(command: F) -> F:
        command.__doc__ = inspect.cleandoc(command.__doc__ or "").replace("{list}", "\n".join(lines))
        return command

    return decorate
