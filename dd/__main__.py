from dd import cli_baseline, cli_data, cli_linear, cli_pool, cli_report, cli_set  # noqa: F401 (they add their commands)
from dd.cli import main

if __name__ == "__main__":
    main(prog_name="python -m dd")
