"""Makes a config from the values of files and of the command line, and checks it as a whole."""

import contextlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dd.config.checks import check
from dd.config.model import Config
from dd.runtime.errors import UserError
from dd.runtime.settings_model import first_mistake


def read_config(values: Mapping[str, Any]) -> Config:
    """The config of these keys and values.

    Raises:
        UserError: the key, what is wrong there, and the cure, in one line.
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise UserError(first_mistake(error)) from error
    check(config)
    return config


def typed(value: Any) -> Any:
    """A value of the command line, with numbers as numbers: Snakemake makes `--config distill='{steps: 3}'` text."""
    if isinstance(value, Mapping):
        return {key: typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    if not isinstance(value, str):
        return value
    if value in ("true", "false"):
        return value == "true"
    for read in (int, float):
        with contextlib.suppress(ValueError):
            return read(value)
    return value
