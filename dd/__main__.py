from dd.commands import (  # noqa: F401 (they add their commands)
    adapt,
    baseline,
    data,
    distill,
    evaluate,
    figures,
    linear,
    pool,
    report,
    sets,
    transfer,
)
from dd.commands.main import main

if __name__ == "__main__":
    main(prog_name="python -m dd")
