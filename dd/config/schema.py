"""A configuration against its schema, in words for the one who wrote it."""

import contextlib
import re
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend


def _is_integer(_checker, value) -> bool:
    # JSON takes 3.0 for an integer, but no command line takes it for a number of steps
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_checker, value) -> bool:
    return _is_integer(_checker, value) or (isinstance(value, float) and abs(value) <= sys.float_info.max)


Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)
"""The standard one, but numbers are finite and integers have no point."""


def typed(node):
    """A config from the command line with its numbers; of `--config distill='{steps: 3}'` Snakemake makes text."""
    if isinstance(node, Mapping):
        return {key: typed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [typed(value) for value in node]
    for read in (int, float, {"true": True, "false": False}.__getitem__):
        with contextlib.suppress(ValueError, KeyError):
            return read(node) if isinstance(node, str) else node
    return node


def mistake(config: dict, schema: Path) -> str | None:
    """What is wrong with `config` by the JSON schema in the YAML file `schema`, or None.

    One line, the key first: `distill.steps: 0 is less than the minimum of 1`.
    """
    rules = yaml.safe_load(schema.read_text(encoding="utf-8"))
    error = best_match(Validator(rules).iter_errors(config))
    if error is None:
        return None
    message = re.sub(r".* \((.+) w(as|ere) unexpected\)$", r"unknown key \1", " ".join(error.message.split()))
    if message.startswith("unknown key"):
        common = rules.get("$defs", {}).get(error.schema.get("$ref", "").rpartition("/")[2], {})
        known = [key for place in (error.schema, common) for key in place.get("properties", {})]
        for unknown in re.findall("'([^']*)'", message):
            message += "".join(f"; did you mean {key}?" for key in get_close_matches(unknown, known, 1))
    if len(message) > 200:  # it begins with the whole value
        message = f"{message[:60]} ... {message[-100:]}"
    return ": ".join([".".join(map(str, error.absolute_path)), message]).removeprefix(": ")
