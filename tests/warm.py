"""Starts commands and Snakemake in copies of a process that has PyTorch and Snakemake imported, which saves seconds.

What is read while PyTorch is imported, such as OMP_NUM_THREADS, is that of the tests.
"""

import atexit
import functools
import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from dd.runtime.warm import WarmProcess, _ask, _ended

ROOT = Path(__file__).parents[1]
OTHERS = ("snakemake.cli", "snakemake.report.html_reporter", "sklearn.cluster", "matplotlib.pyplot")
"""What is imported beside dd: it takes long, and many copies use it."""
sys.path.append(str(ROOT))  # where copies find tests.program: in place of the first folder here they have their own
ANEW = "import sys\nfor name in [*sys.modules]:\n    if name.partition('.')[0] == 'dd': del sys.modules[name]\n"
"""The beginning of a program of a copy that is to import dd as if it had not yet."""


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


def run_python(*words: object, folder: Path = ROOT, env: dict[str, str] | None = None):
    """Run `python` with these words (a file, `-m MODULE` or `-c PROGRAM`) in a folder."""
    return run_module("tests.program", *words, folder=folder, env=env)


class Copy:
    """`python` with these words in a copy that can be killed: what is used here of `subprocess.Popen`."""

    def __init__(self, *words: object, folder: Path = ROOT, env: dict[str, str] | None = None) -> None:
        python = [*map(str, words)]
        asked = {"module": "tests.program", "words": ["--tell", *python], "path": [str(folder), *sys.path[1:]]}
        asked |= {"folder": str(folder), "env": dict(os.environ) if env is None else env}
        asked |= {"command": [sys.executable, *python]}  # by which further processes are started
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  # `communicate` closes it
        (read, words_to), (output, written) = os.pipe(), os.pipe()
        self.connection = _ask(warm().socket, asked, files=[read, written, self.stderr.fileno()])
        os.close(read)
        os.close(written)
        self.stdin, self.stdout = os.fdopen(words_to, "w"), os.fdopen(output)
        self.pid = int(self.stdout.readline())
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        """Its exit status, negative for a signal, or None while it runs."""
        return self._wait(0)

    def wait(self, timeout: float | None = None) -> int:
        if self._wait(timeout) is None:
            raise subprocess.TimeoutExpired(["python"], timeout or 0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote until its end."""
        self.stdin.close()
        self.wait(timeout)
        self.stderr.seek(0)
        with self.connection, self.stdout, self.stderr:
            return self.stdout.read(), self.stderr.read()

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self.connection], [], [], timeout)[0]:
            self.returncode = _ended(self.connection)
        return self.returncode
