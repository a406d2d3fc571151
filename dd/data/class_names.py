"""The rules for names of classes."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from dd.runtime.errors import UserError


def check_count(classes: int, where: Path | str) -> None:
    """Refuse fewer than two classes.

    Raises:
        UserError: there are fewer.
    """
    if classes < 2:
        raise UserError(f"{where}: has {classes} class(es); a network must have two at least to tell apart")


def check_names(names: Sequence[str], where: Path | str) -> None:
    """Refuse names that are no list of texts, or that nobody could tell apart. Error messages begin with `where`.

    Raises:
        UserError: no list, a name that is no text or blank, or two that are the same but for blanks
            around them or for how their accents are stored.
    """
    if isinstance(names, (str, dict)) or not hasattr(names, "__getitem__"):  # NumPy's arrays are lists too
        raise UserError(f"{where}: classes is {names!r}; it must be a list of names")
    seen: dict[str, str] = {}
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"{where}: class {number} is called {name!r}; its name must be a text")
        other = seen.setdefault(unicodedata.normalize("NFC", name).strip(), name)
        if other == name and name in names[:number]:
            raise UserError(f"{where}: two classes are called {name!r}; give each a name of its own")
        if other != name:
            raise UserError(f"{where}: the classes {other!r} and {name!r} look the same; rename or join them")
