"""`python -m dd`, and `ddistill` of an installed package."""

from dd.commands.main import main


def run() -> None:
    """The command, which its help calls by the name that works wherever the package is."""
    main(prog_name="python -m dd")


if __name__ == "__main__":
    run()
