"""`python -m dd`."""

import sys

from dd.runtime.errors import UserError

try:
    from dd.commands import adapt, baseline, data, distill, evaluate, linear, pool, report, sets  # noqa: F401 (they add their commands)
    from dd.commands.main import main
except UserError as error:  # two declarations with one name, for example
    sys.exit(f"error: {error}")

if __name__ == "__main__":
    main(prog_name="python -m dd")
