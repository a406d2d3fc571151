"""`python -m dd`, and `ddistill` of an installed package."""

import sys

from dd.runtime.warm import run_in_copy


def run() -> None:
    """The command, which its help calls by the name that works wherever the package is."""
    status = run_in_copy(sys.argv[1:])
    if status is not None:
        sys.exit(status)
    from dd.commands.main import main

    main(prog_name="python -m dd")


if __name__ == "__main__":
    run()
