"""The command `python -m dd`, to which the other files of this package add their commands.

The file of a command is imported when the command is asked for, so that no command waits for the imports of the others.
Torch is imported inside the commands, so that --help answers at once and a GPU is chosen before CUDA starts.
"""

import shlex
import signal
import sys
from importlib import import_module
from pathlib import Path

import click

from dd.runtime.errors import STOPPED, UserError, reason

COMMANDS = {
    "adapt": "dd.commands.adapt",
    "audit": "dd.commands.audit",
    "baseline": "dd.commands.baseline",
    "compare": "dd.commands.report",
    "configuration": "dd.commands.report",
    "data": "dd.commands.data",
    "distill": "dd.commands.distill",
    "evaluate": "dd.commands.evaluate",
    "export": "dd.commands.export",
    "import": "dd.commands.import_set",
    "judge": "dd.commands.judge",
    "linear-case": "dd.commands.linear",
    "page": "dd.commands.page",
    "pool": "dd.commands.pool",
    "publish": "dd.commands.report",
    "show": "dd.commands.show",
    "status": "dd.commands.status",
    "warm": "dd.commands.warm",
}
"""The module that adds each command or group."""
DECLARED_COMMANDS = "dd.commands.figures"
"""The module that adds all others, whose names the kinds of figures and tables declare."""


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is asked for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, from a file if the only one is `@FILE`."""
        if len(args) == 1 and args[0].startswith("@"):
            try:
                args = shlex.split(Path(args[0][1:]).read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                sys.exit(f"error: {args[0]}: {reason(error)}")
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in alphabetical order. This imports every module, for the help of the group."""
        for module in (*COMMANDS.values(), DECLARED_COMMANDS):
            _add_commands(module)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None if there is none of this name."""
        _add_commands(COMMANDS.get(cmd_name, DECLARED_COMMANDS))
        return super().get_command(ctx, cmd_name)


def _add_commands(module: str) -> None:
    """Import a module, which adds its commands to `main`."""
    try:
        import_module(module)
    except UserError as error:  # two declarations with one name, for example
        sys.exit(f"error: {error}")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Dataset Distillation (Wang, Zhu, Torralba, Efros 2018).

    \b
    Ten images that train a LeNet, from scratch to a picture, in four commands:
      python -m dd data prepare mnist --out mnist.npz
      python -m dd distill --data mnist.npz --init fixed --nets 1 --steps 1 --meta-steps 1000 \\
        --out set.safetensors
      python -m dd evaluate --set set.safetensors --data mnist.npz --out accuracy.csv
      python -m dd figure --set set.safetensors --metrics accuracy.csv --out images.png

    \b
    Your own images and network (docs/tutorial.md), and the result for other programs:
      python -m dd data prepare birds --out birds.npz --folder photos/ --size 32
      python -m dd distill --data birds.npz --net my_net:MyNet --real-batch 128 --validation-images 50 \\
        --out birds.safetensors
      python -m dd export --set birds.safetensors --out birds.pt --out birds

    Arguments too long for the system may stand in a file: python -m dd @FILE

    The whole paper: snakemake --cores all (see README.md).
    """
    # on SIGTERM, unwind as after an error, so that no half-written file stays
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(STOPPED))
