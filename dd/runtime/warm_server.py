"""The process of `dd.runtime.warm` that waits: `python -m dd.runtime.warm_server SOCKET [MODULE...]`. For Linux."""

import atexit
import contextlib
import ctypes
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import NoReturn

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import dd
from dd.runtime.code_digest import parse_ahead

PACKAGE = Path(dd.__file__).parent
PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: the signal that a process gets when its parent ends."""


def serve(address: str, modules: list[str]) -> None:
    """Import all of dd and `modules`, and run each request in a copy, until the parent closes our input or ends."""
    ours = [module.name for module in walk_packages(dd.__path__, "dd.") if module.name != "dd.__main__"]  # would run
    for name in [*ours, *modules]:
        import_module(name)
    parse_ahead(ours)
    gc.freeze()  # the collector of a copy leaves all of it alone, so that it stays shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those who attend to copies leave no zombies
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        print("ready", flush=True)
        while server.fileno() in select.select([server.fileno(), sys.stdin.fileno()], [], [])[0]:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _attend(connection)
            connection.close()
    shutil.rmtree(Path(address).parent, ignore_errors=True)  # if the parent was killed, nobody else does


def _attend(connection: socket.socket) -> NoReturn:
    """Run one request in a copy and say how it ended; end it (SIGTERM) once the other side has no more to say."""
    text, files, _, _ = socket.recv_fds(connection, 2**20, 3)
    while not text.endswith(b"\n"):
        part = connection.recv(2**20)
        if not part:  # whoever asked was killed
            os._exit(1)
        text += part
    copy = os.fork()
    if copy == 0:
        connection.close()
        _become(json.loads(text), files)
    ready, _, _ = select.select([connection.fileno(), os.pidfd_open(copy)], [], [])
    if connection.fileno() in ready:
        os.kill(copy, signal.SIGTERM)
    _, status = os.waitpid(copy, 0)
    with contextlib.suppress(OSError):  # it was killed
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(asked: dict, files: list[int]) -> NoReturn:
    """Run the request in this process, and end; also if who attends to it is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    threads = asked["env"].get("OMP_NUM_THREADS", "").partition(",")[0]
    if threads.isdecimal() and int(threads):  # which has been read before, with another value perhaps
        torch.set_num_threads(int(threads))
        threadpool_limits(int(threads))
    np.random.seed()  # else all copies would draw the same
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
    sys.path[:] = asked["path"]
    sys.argv = [asked["module"], *asked["words"]]
    sys.orig_argv = asked["command"]  # by which further processes are started
    if _first_package(asked["path"]) != PACKAGE:  # another checkout
        for name in [name for name in sys.modules if name.partition(".")[0] == "dd"]:
            del sys.modules[name]
    status = _run(asked["module"])
    # as Python ends, but for tidying memory, of which this process would get a copy first
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _first_package(path: list[str]) -> Path:
    """Where `import dd` finds it in these folders; ours if in none, as where it is installed in editable mode."""
    found = (Path(folder, "dd") for folder in path)
    return next((package.resolve() for package in found if (package / "__init__.py").exists()), PACKAGE)


def _run(module: str) -> int:
    """Run a module as a program; its exit status."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
