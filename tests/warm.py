"""Runs `python -m dd` in processes of their own that need not import PyTorch anew: copies of one that has (fork).

A copy has its own arguments, environment, folder and output, and ends as a process does. What is read while PyTorch is
imported, such as OMP_NUM_THREADS, is that of the tests.
"""

import json
import os
import runpy
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import dd
from tests.conftest import ROOT


class WarmProcess:
    """A process that waits with PyTorch imported, and runs commands in copies of itself."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.warm"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, words: list[str]) -> subprocess.CompletedProcess:
        """Run `python -m dd` with these words in the root."""
        with tempfile.TemporaryDirectory() as folder:
            print(
                json.dumps({"words": words, "folder": folder, "env": dict(os.environ)}),
                file=self.process.stdin,
                flush=True,
            )
            status = int(self.process.stdout.readline())
            out, err = (Path(folder, name).read_text() for name in ("out", "err"))
        return subprocess.CompletedProcess(["dd", *words], os.waitstatus_to_exitcode(status), out, err)

    def stop(self) -> None:
        """End it."""
        self.process.stdin.close()
        self.process.wait()


def _serve() -> None:
    """Run each request of standard input in a copy of this process, and answer with how it ended."""
    for module in walk_packages(dd.__path__, "dd."):
        if module.name != "dd.__main__":  # which runs
            import_module(module.name)
    answers = os.dup(1)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(request)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{status}\n".encode())


def _become(request: dict) -> None:
    """Run the request in this process, and end."""
    for number, name in ((0, os.devnull), (1, "out"), (2, "err")):
        path = Path(request["folder"], name)
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["dd", *request["words"]]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]  # by which it starts further processes
    code = 1
    try:
        runpy.run_module("dd", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
