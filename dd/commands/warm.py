"""The command that lets the jobs of another command start at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import click

from dd.commands.main import main
from dd.commands.options import Command


@main.command(cls=Command, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def warm(words: tuple[str, ...]) -> None:
    """Run COMMAND so that every `python -m dd` in it starts without importing PyTorch.

    It starts as a copy of one process that has it imported, for as long as COMMAND runs. That saves two seconds of a
    core for each job, which counts where jobs are small and many. `python -m dd distill` starts as ever, so that
    Snakemake measures its time and memory; of other jobs it measures those of one that waits. The process that has it
    imported takes most of a GB of memory, and sees no code that you change while it runs. On Linux; elsewhere COMMAND
    just runs.

    \b
    Example:
      python -m dd warm snakemake --cores all --configfile study.yaml
    """
    from dd.runtime.errors import UserError
    from dd.runtime.warm import ADDRESS, WarmProcess, exit_status

    if not shutil.which(words[0]):
        raise UserError(f"{words[0]}: no such command")
    if sys.platform != "linux":
        sys.exit(exit_status(subprocess.call(words)))
    waiting = WarmProcess()
    try:
        early: list[int] = []  # signals that come before there is a process to pass them to
        signal.signal(signal.SIGINT, lambda *_: None)  # of Ctrl-C, COMMAND hears too, and ends when it is ready
        signal.signal(signal.SIGTERM, lambda number, _: early.append(number))
        process = subprocess.Popen(words, env=os.environ | {ADDRESS: waiting.address})
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        if early:
            process.terminate()
        sys.exit(exit_status(process.wait()))
    finally:
        waiting.stop()
