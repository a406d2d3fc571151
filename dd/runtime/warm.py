"""Commands that start at once: copies (fork) of a process that waits with PyTorch imported.

Importing PyTorch takes two seconds of a core, more than most jobs of a small workflow compute. `WarmProcess` starts the
process that waits; `python -m dd` asks it for a copy where the environment names it. A copy has the arguments,
environment, folder, files and packages of the command that asked, and ends with it.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ADDRESS = "DD_WARM"
"""The environment variable that names the socket of the process that waits."""
COLD = {"distill", "warm"}
"""Commands that start from nothing: what a distillation costs is measured, and of a copy nobody else sees it."""
SIGNALLED = 128
"""What a shell adds to the number of a signal that ended a command."""


class WarmProcess:
    """The process that waits, and runs copies of itself."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """Start it, with all of dd and `modules` imported; the call returns when it listens."""
        self.folder = tempfile.TemporaryDirectory()
        self.address = f"{self.folder.name}/socket"
        command = [sys.executable, "-m", "dd.runtime.warm_server", self.address, *modules]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout:
            self.process.stdout.readline()

    def run(
        self, module: str, words: Sequence[str], *, folder: Path, env: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m module` with these words in a copy, as `subprocess.run` does that captures text."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            asked = {"module": module, "words": [*words], "folder": str(folder), "env": env}
            asked |= {"path": [str(folder), *sys.path[1:]], "command": [sys.executable, "-m", module, *words]}
            status = _ended(_ask(self.address, asked, files=[0, out.fileno(), err.fileno()]))
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess([module, *words], status, out.read(), err.read())

    def stop(self) -> None:
        """End it; copies that run go on."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def run_in_copy(words: Sequence[str]) -> int | None:
    """Run `python -m dd` with these words in a copy of the process that the environment names.

    Returns:
        Its exit status; None if there is no such process or the command is to start from nothing.
    """
    address = os.environ.get(ADDRESS)
    if not address or not Path(address).exists() or COLD.intersection(words[:1]):
        return None
    env = {name: value for name, value in os.environ.items() if name != ADDRESS}
    asked = {"module": "dd", "words": [*words], "folder": str(Path.cwd()), "env": env}
    asked |= {"path": sys.path, "command": sys.orig_argv}
    status = _ended(_ask(address, asked, files=[0, 1, 2]))
    return SIGNALLED - status if status < 0 else status


def _ask(address: str, asked: dict, *, files: Sequence[int]) -> socket.socket:
    """Ask for a copy, whose input, output and errors go to `files`."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    text = f"{json.dumps(asked)}\n".encode()
    sent = socket.send_fds(connection, [text], files)
    connection.sendall(text[sent:])
    return connection


def _ended(connection: socket.socket) -> int:
    """Wait for the exit status of a copy, which is negative for a signal."""
    with connection:
        return int(connection.recv(16) or b"1")
