"""`python -m dd`."""

from dd.commands.main import main

if __name__ == "__main__":
    main(prog_name="python -m dd")
