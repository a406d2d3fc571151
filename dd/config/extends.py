"""A config that does not go on from the paper's experiments: `extends: none`."""

from collections.abc import Mapping
from typing import Any

from dd.runtime.errors import UserError

SETTINGS = ("data", "pool", "distill", "evaluate", "baselines", "adapt", "transfer", "judge", "linear_case")
"""Sections that say how things are computed. The others are experiments, pools, figures and tables by name."""
CHANGED = ("evaluate", "baselines", "adapt", "transfer", "judge")
"""Sections of settings that name experiments, under the key `experiments`."""
NOT_WANTED = (*SETTINGS, "pools", "beyond", "not_run")
"""Sections whose names `all` does not make."""


def extended(values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The config of all `values`, of which an overlay gave those in `own`; by `extends: none`, no experiments but its.

    Its settings and their defaults stay: those of config.yaml. What `all` makes is then, unless the overlay says, every
    experiment, figure and table of the overlay.

    Raises:
        UserError: by `extends: none`, the overlay has no `scale` or no `experiments`.
    """
    if values.get("extends") != "none":
        return dict(values)
    if "scale" not in own:
        raise UserError("scale: is missing; with extends: none, the results need a name of their own, such as my_study")
    if not own.get("experiments"):
        raise UserError("experiments: is missing; with extends: none, there are only those of your file")
    found = {}
    for key, value in values.items():
        named = isinstance(value, Mapping) and key not in SETTINGS
        found[key] = _only(value, own.get(key)) if named else value
    for key in CHANGED:
        section, changed = values.get(key), own.get(key)
        if isinstance(section, Mapping) and "experiments" in section:
            given = changed.get("experiments") if isinstance(changed, Mapping) else None
            found[key] = {**section, "experiments": _only(section["experiments"], given)}
    if "all" not in own:
        wanted = {key: value for key, value in found.items() if isinstance(value, Mapping) and key not in NOT_WANTED}
        found["all"] = [name for entries in wanted.values() for name in entries]
    return found


def _only(entries: Any, own: Any) -> Any:
    """The `entries`, by name or in a list, that are the overlay's `own`."""
    names = own or ()
    if isinstance(entries, Mapping):
        return {name: entry for name, entry in entries.items() if name in names}
    return [name for name in entries or () if name in names]
