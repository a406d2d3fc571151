"""Starts commands and Snakemake in copies of a process that has PyTorch and Snakemake imported, which saves seconds.

What is read while PyTorch is imported, such as OMP_NUM_THREADS, is that of the tests.
"""

import atexit
import functools
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dd.runtime.warm import WarmProcess, ask, ended

ROOT = Path(__file__).parents[1]
OTHERS = (
    *("snakemake.cli", "snakemake.report.html_reporter", "smart_open"),
    *("sklearn.cluster", "matplotlib.pyplot", "torch._dynamo", "torch._decomp.decompositions_for_jvp"),
)
"""What is imported beside dd: it takes long, and many copies use it."""
ANEW = "import sys\nfor name in [*sys.modules]:\n    if name.partition('.')[0] == 'dd': del sys.modules[name]\n"
"""The beginning of a program of a copy that is to import dd as if it had not yet."""


@functools.cache
def warm() -> WarmProcess:
    """The process of this session, or of this worker of one; it starts when it is first used."""
    process = WarmProcess(OTHERS)
    atexit.register(process.stop)
    return process


@functools.cache
def distilling_in_copies() -> str:
    """A folder with a `python` by which all commands of dd run in copies, distillations too: `dd.runtime.warm.COLD`
    starts those from nothing, so that Snakemake measures them, which it then does not."""
    folder = tempfile.TemporaryDirectory(prefix="dd-python-")
    atexit.register(folder.cleanup)
    python, real = Path(folder.name, "python"), shlex.quote(sys.executable)
    python.write_text(
        f"""#!/bin/sh
if [ "$1 $2" != "-m dd" ]; then exec {real} "$@"; fi
shift 2
exec {real} -c "import dd.runtime.warm as w; w.COLD = (); from dd.__main__ import run; run()" "$@"
"""
    )
    python.chmod(0o755)
    return folder.name


def run_module(module: str, *words: object, folder: Path, env: dict[str, str] | None = None):
    """Run `python -m module` with these words in a folder, whose dd it takes if it has one."""
    environment = dict(os.environ) if env is None else env
    return warm().run(module, [*map(str, words)], folder=folder, env=environment)


class Copy:
    """`python` with these words in a copy that can be killed: what is used here of `subprocess.Popen`."""

    def __init__(self, *words: object, folder: Path = ROOT, env: dict[str, str] | None = None) -> None:
        python = [*map(str, words)]
        asked = {"module": "tests.program", "words": python, "path": [str(folder), *sys.path[1:], str(ROOT)]}
        asked |= {"folder": str(folder), "env": dict(os.environ) if env is None else env}
        asked |= {"command": [sys.executable, *python]}  # by which further processes are started
        (in_read, in_write), (out_read, out_write), (err_read, err_write) = (os.pipe() for _ in range(3))
        self.connection = ask(warm().socket, asked, files=[in_read, out_write, err_write])
        for end in (in_read, out_write, err_write):
            os.close(end)
        self.stdin, self.stdout, self.stderr = os.fdopen(in_write, "w"), os.fdopen(out_read), os.fdopen(err_read)
        self.returncode: int | None = None
        told = self.stdout.readline()
        if not told:
            raise RuntimeError(self.communicate()[1])
        self.pid = int(told)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
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
        """What it writes until its end."""
        self.stdin.close()
        with self.connection, self.stdout, self.stderr, ThreadPoolExecutor() as pool:
            texts = [pool.submit(file.read) for file in (self.stdout, self.stderr)]  # it must not wait for a reader
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()  # else the readers would go on
                raise
            return texts[0].result(), texts[1].result()

    def _wait(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self.connection], [], [], timeout)[0]:
            self.returncode = ended(self.connection)
        return self.returncode


def run_python(*words: object, folder: Path = ROOT, env: dict[str, str] | None = None):
    """Run `python` with these words (a file, `-m MODULE` or `-c PROGRAM`) in a copy, in a folder."""
    copy = Copy(*words, folder=folder, env=env)
    output, errors = copy.communicate()
    return subprocess.CompletedProcess(["python", *words], copy.returncode, output, errors)
