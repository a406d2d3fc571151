"""Commands that start at once: copies (fork) of a process that waits with PyTorch imported.

Importing PyTorch takes two seconds of a core, more than most jobs of a small workflow compute. `WarmProcess` starts the
process that waits; `python -m dd` asks it for a copy where the environment names it. A copy has the arguments,
environment, folder, files and search path of the command that asked, and ends with it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dd.runtime.errors import UserError

ADDRESS = "DD_WARM"
"""The environment variable that names the process that waits: its socket, a colon, and its Python."""
COLD = ("distill", "warm", "@")
"""How commands begin that start from nothing: what a distillation costs is measured, and of a copy nobody else sees
it; a file of arguments may be one."""
SIGNALLED = 128
"""What a shell adds to the number of a signal that ended a command."""


class WarmProcess:
    """The process that waits, and runs copies of itself."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """Start it, with all of dd and `modules` imported; the call returns when it listens.

        Raises:
            UserError: it cannot start.
        """
        self.folder = tempfile.TemporaryDirectory(prefix="dd-warm-", dir="/tmp")  # the path of a socket must be short
        self.socket = f"{self.folder.name}/socket"
        command = [sys.executable, "-m", "dd.runtime.warm_server", self.socket, *modules]
        pipe = subprocess.PIPE
        # in a group of its own: Ctrl-C is for those who ask
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, process_group=0)
        try:
            if not (self.process.stdout and self.process.stdout.readline()):
                raise UserError("the process for copies could not start; run the command without `dd warm`")
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> str:
        """What `ADDRESS` is to be."""
        return f"{self.socket}:{sys.executable}"

    def run(
        self, module: str, words: Sequence[str], *, folder: Path, env: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m module` with these words in a copy, as `subprocess.run` does that captures text."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            asked = {"module": module, "words": [*words], "folder": str(folder), "env": env}
            asked |= {"path": [str(folder), *sys.path[1:]], "command": [sys.executable, "-m", module, *words]}
            with ask(self.socket, asked, files=[0, out.fileno(), err.fileno()]) as connection:
                status = ended(connection)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess([module, *words], status, out.read(), err.read())

    def stop(self) -> None:
        """End it; copies that run go on."""
        self.process.kill()
        self.process.communicate()
        self.folder.cleanup()


def run_in_copy(words: Sequence[str]) -> int | None:
    """Run `python -m dd` with these words in a copy of the process that the environment names.

    Returns:
        Its exit status; None if there is no such process, it is of another Python, or the command is to start from
        nothing.
    """
    address, _, python = os.environ.get(ADDRESS, "").rpartition(":")
    if not address or python != sys.executable or (words and words[0].startswith(COLD)):
        return None
    env = {name: value for name, value in os.environ.items() if name != ADDRESS}
    asked = {"module": "dd", "words": [*words], "folder": str(Path.cwd()), "env": env}
    asked |= {"path": sys.path, "command": sys.orig_argv}
    try:
        connection = ask(address, asked, files=[0, 1, 2])
    except OSError:  # nobody listens any more
        return None

    def end(*_: object) -> None:
        """Have the copy ended, which says so and with which status."""
        with contextlib.suppress(OSError):  # it has ended
            connection.shutdown(socket.SHUT_WR)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with connection:
        return exit_status(ended(connection))


def exit_status(code: int) -> int:
    """The exit status by which a shell would tell this return code, which is negative for a signal."""
    return SIGNALLED - code if code < 0 else code


def ask(address: str, asked: dict, *, files: Sequence[int]) -> socket.socket:
    """Ask for a copy, whose input, output and errors go to `files`."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
        text = f"{json.dumps(asked)}\n".encode()
        sent = socket.send_fds(connection, [text], files)
        connection.sendall(text[sent:])
    except OSError:
        connection.close()
        raise
    return connection


def ended(connection: socket.socket) -> int:
    """Wait for the exit status of a copy, which is negative for a signal."""
    if answer := connection.recv(16):
        return int(answer)
    print("error: the process that ran this command was killed; run it again", file=sys.stderr)
    return 1
