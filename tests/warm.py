"""Starts `python -m dd` and Snakemake as copies (fork) of a process that has PyTorch and Snakemake, not from nothing.

A copy has its own arguments, environment, folder and output, and ends as a process does. In a folder with a `dd` of its
own it imports that one. What is read while PyTorch is imported, such as OMP_NUM_THREADS, is that of the tests.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from pkgutil import walk_packages

from tests.warm_python import begin, ended

ROOT = Path(__file__).parents[1]
OTHERS = (
    "snakemake.cli",
    "snakemake.report",
    "snakemake.report.html_reporter",
    "sklearn.cluster",
    "matplotlib.pyplot",
)
"""What is imported beside dd: it takes long, and many copies use it."""


class WarmProcess:
    """The process that waits with all of it imported."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.address = f"{self.folder.name}/socket"
        command = [sys.executable, "-m", "tests.warm", self.address]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # it listens
        shim = self.bin / "python"
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {ROOT}/tests/warm_python.py {self.address} "$@"\n')
        shim.chmod(0o755)

    @property
    def bin(self) -> Path:
        """A folder for the PATH, with a `python` that runs `-m dd` in a copy and all else as ever."""
        return Path(self.folder.name, "bin")

    def run(self, module: str, words: list[str], *, cwd: Path = ROOT, env: dict | None = None):
        """Run `python -m module` with these words, as `subprocess.run` does; the output is text."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            files = [0, out.fileno(), err.fileno()]
            connection = begin(self.address, module, words, folder=str(cwd), env=dict(env or os.environ), files=files)
            status = ended(connection)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess([module, *words], status, out.read(), err.read())

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


@functools.cache
def warm() -> WarmProcess:
    """The warm process of this session, or of this worker of one; it starts when it is first used."""
    process = WarmProcess()
    atexit.register(process.stop)
    return process


def _serve(address: str) -> None:
    """Run each request in a copy of this process."""
    import dd

    for module in walk_packages(dd.__path__, "dd."):
        if module.name != "dd.__main__":  # which runs
            importlib.import_module(module.name)
    for name in OTHERS:
        importlib.import_module(name)
    gc.freeze()  # the collector of a copy leaves all of it alone, and so shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # attendants leave no zombies
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _attend(connection)
            connection.close()


def _attend(connection: socket.socket) -> None:
    """Run one request in a copy, say how it ended, and end; end it if nobody waits any more."""
    text, files, _, _ = socket.recv_fds(connection, 1 << 22, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(1 << 22)
    child = os.fork()
    if child == 0:
        connection.close()
        _become(json.loads(text), files)
    ready, _, _ = select.select([connection, os.pidfd_open(child)], [], [])
    if connection in ready:
        os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    if connection not in ready:
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(request: dict, files: list[int]) -> None:
    """Run the request in this process, and end."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    own = [request["folder"], *filter(None, request["env"].get("PYTHONPATH", "").split(":"))]
    sys.path[:1] = own
    if request["folder"] != str(ROOT) and any(Path(folder, "dd").exists() for folder in own):
        for name in [name for name in sys.modules if name.partition(".")[0] == "dd"]:
            del sys.modules[name]
    sys.argv = [request["module"], *request["words"]]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]  # by which it starts further processes
    code = 1
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    # as Python ends, but for tidying all memory, which would be copied first
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
