"""The process of `dd.runtime.warm` that waits: `python -m dd.runtime.warm_server SOCKET [MODULE...]`. For Linux."""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import NoReturn

import torch

import dd

PACKAGE = Path(dd.__file__).parent


def serve(address: str, modules: list[str]) -> None:
    """Import all of dd and `modules`, and run each request in a copy, until the parent closes our input."""
    for module in walk_packages(dd.__path__, "dd."):
        if module.name != "dd.__main__":  # which runs
            import_module(module.name)
    for name in modules:
        import_module(name)
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


def _attend(connection: socket.socket) -> NoReturn:
    """Run one request in a copy and say how it ended; if nobody waits any more, ask the copy to end."""
    text, files, _, _ = socket.recv_fds(connection, 2**20, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(2**20)
    copy = os.fork()
    if copy == 0:
        connection.close()
        _become(json.loads(text), files)
    ready, _, _ = select.select([connection.fileno(), os.pidfd_open(copy)], [], [])
    gone = connection.fileno() in ready
    if gone:
        os.kill(copy, signal.SIGTERM)
    _, status = os.waitpid(copy, 0)
    if not gone:
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(asked: dict, files: list[int]) -> NoReturn:
    """Run the request in this process, and end."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    if threads := asked["env"].get("OMP_NUM_THREADS"):  # which PyTorch has read before
        torch.set_num_threads(int(threads))
    sys.path[:] = asked["path"]
    sys.argv = [asked["module"], *asked["words"]]
    sys.orig_argv = asked["command"]  # by which further processes are started
    if _first_package(asked["path"]) != PACKAGE:  # another checkout
        for name in [name for name in sys.modules if name.partition(".")[0] == "dd"]:
            del sys.modules[name]
    status = _run(asked["module"])
    # as Python ends, but for tidying memory, of which this process would get a copy first
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
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
