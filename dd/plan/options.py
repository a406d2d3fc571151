"""Settings as options of a command."""

import shlex
from collections.abc import Mapping
from typing import Any


def flags(settings: Mapping[str, Any]) -> str:
    """`{real_batch: 256}` as `--real-batch 256`; true is a switch without a value, and false is left out."""
    words = []
    for key, value in settings.items():
        flag = f"--{key.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not False:
            words.append(f"{flag} {shlex.quote(str(value))}")
    return " ".join(words)


def any_of(names: Mapping[str, Any] | list[str]) -> str:
    """The pattern of a wildcard that is one of `names`; without names it matches nothing (an empty one: anything)."""
    return "|".join(names) or "(?!)"
