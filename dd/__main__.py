"""`python -m dd`."""

from dd.commands import adapt, baseline, data, distill, evaluate, linear, pool, report, sets  # noqa: F401 (they add their commands)
from dd.commands.main import main

if __name__ == "__main__":
    main(prog_name="python -m dd")
