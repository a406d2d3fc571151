"""Settings: flat dataclasses that say what each means and may be. The command line and config.yaml use their names."""

import math
from dataclasses import dataclass, field, fields

from dd.runtime.errors import UserError


def setting(default, help: str, choices: tuple[str, ...] | None = None, above: float | None = None, least=None):
    """A dataclass field with its help text and the values it may take."""
    return field(default=default, metadata={"help": help, "choices": choices, "above": above, "least": least})


@dataclass(frozen=True)
class Settings:
    """A dataclass whose fields are made by `setting`.

    Raises:
        UserError: a value is out of its range.
    """

    def __post_init__(self):
        for f in fields(self):
            value, limits = getattr(self, f.name), f.metadata
            if limits["choices"] and value not in limits["choices"]:
                raise UserError(f"{f.name}: {value!r} is not one of {', '.join(limits['choices'])}")
            if isinstance(value, float) and not math.isfinite(value):
                raise UserError(f"{f.name}: {value} is not a finite number")
            if limits["above"] is not None and not value > limits["above"]:
                raise UserError(f"{f.name}: {value} must be above {limits['above']}")
            if limits["least"] is not None and value < limits["least"]:
                raise UserError(f"{f.name}: {value} must be at least {limits['least']}")
