"""Starts commands and Snakemake in copies of a process that has PyTorch and Snakemake imported, which saves seconds.

What is read while PyTorch is imported, such as OMP_NUM_THREADS, is that of the tests.
"""

import atexit
import functools
import os
from pathlib import Path

from dd.runtime.warm import WarmProcess

OTHERS = ("snakemake.cli", "snakemake.report.html_reporter", "sklearn.cluster", "matplotlib.pyplot")
"""What is imported beside dd: it takes long, and many copies use it."""


@functools.cache
def warm() -> WarmProcess:
    """The process of this session, or of this worker of one; it starts when it is first used."""
    process = WarmProcess(OTHERS)
    atexit.register(process.stop)
    return process


def run_module(module: str, *words: object, folder: Path, env: dict[str, str] | None = None):
    """Run `python -m module` with these words in a folder, whose dd it takes if it has one."""
    environment = dict(os.environ) if env is None else env
    return warm().run(module, [*map(str, words)], folder=folder, env=environment)
