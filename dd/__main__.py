"""`python -m dd`."""

import sys

from dd.runtime.errors import UserError

try:
    from dd.commands import (  # noqa: F401 (they add their commands)
        adapt,
        baseline,
        data,
        distill,
        evaluate,
        export,
        linear,
        pool,
        report,
    )
    from dd.commands.figures import add_kinds
    from dd.commands.main import main

    add_kinds()
except UserError as error:  # two declarations with one name, for example
    sys.exit(f"error: {error}")

if __name__ == "__main__":
    main(prog_name="python -m dd")
