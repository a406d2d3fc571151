"""Settings as options of a command."""

import hashlib
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dd.runtime.files import write_text

LONGEST = 100_000
"""Bytes of a command line. The shell is given it as one argument, of which Linux takes at most 128 KiB."""


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


def command_line(words: Sequence[str], folder: str) -> str:
    """`words` for the shell after `python -m dd`; if they are too long, `@FILE`, a new file in `folder` with them."""
    line = shlex.join(words)
    if len(os.fsencode(line)) <= LONGEST:
        return line
    file = Path(folder, f"{hashlib.sha256(os.fsencode(line)).hexdigest()[:16]}.txt")  # so that a change is noticed
    write_text(file, line)
    return shlex.quote(f"@{file}")


def any_of(names: Mapping[str, Any] | list[str]) -> str:
    """The pattern of a wildcard that is one of `names`; without names it matches nothing (an empty one: anything)."""
    return "|".join(names) or "(?!)"
