"""The identity of a result: the settings, data and code that decide it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from dd.runtime.errors import UserError
from dd.runtime.process_group import leads
from dd.runtime.settings_model import shortened


def differences(saved: Mapping[str, object], present: Mapping[str, object]) -> list[str]:
    """How two identities differ, such as `meta_lr was 0.01, is 0.02`, in the order of `saved`."""
    return [
        f"{key} was {shortened(saved.get(key))}, is {shortened(present.get(key))}"
        for key in dict.fromkeys([*saved, *present])
        if saved.get(key) != present.get(key)
    ]


def is_finished(
    out: Path, made_with: Callable[[Path], Mapping[str, object]], settings: Mapping[str, object], *beside: Path
) -> bool:
    """Whether `out` and the files `beside` it are there already, made with these settings; it then says so.

    Args:
        out: the file that a command is to make.
        made_with: reads the settings and data that the file at a path was made with.
        settings: those of the command; it may have more of them than the file tells.
        beside: what else the command makes.

    Raises:
        UserError: `out` is there and was made with other settings, or is something else.
    """
    if not out.exists():
        return False
    cure = "choose another --out, or replace it with --force"
    try:
        saved = made_with(out)
    except UserError as error:
        raise UserError(f"{error}; {cure}") from error
    present = json.loads(json.dumps(settings))  # as a file holds them: with lists for tuples
    if different := differences(saved, {key: present.get(key) for key in saved}):
        raise UserError(f"{out}: is finished, with other settings ({different[0]}); {cure}")
    missing = [path for path in beside if not path.exists()]
    if leads():
        told = f"but {missing[0]} is missing: made anew" if missing else "with these settings; --force makes it anew"
        print(f"{out}: is finished already, {told}", flush=True)
    return not missing
