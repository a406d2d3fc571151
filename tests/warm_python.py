"""The `python` that jobs of Snakemake find first in tests: `-m dd` runs in a copy of a warm process (tests/warm.py).

Everything else is run as ever. It needs the standard library alone, so that it starts at once.
"""

import json
import os
import socket
import sys
from pathlib import Path


def begin(
    address: str, module: str, words: list[str], *, folder: str, env: dict[str, str], files: list[int]
) -> socket.socket:
    """Ask the process that listens at `address` for `python -m module`, with input, output and error to `files`."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    request = json.dumps({"module": module, "words": words, "folder": folder, "env": env}) + "\n"
    text = request.encode()
    sent = socket.send_fds(connection, [text], files)
    connection.sendall(text[sent:])
    return connection


def ended(connection: socket.socket) -> int:
    """Wait for its exit status, which is negative for a signal."""
    with connection:
        return int(connection.recv(16) or b"1")


if __name__ == "__main__":
    _, to, *arguments = sys.argv
    if arguments[:2] != ["-m", "dd"]:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606  there is no shell to have
    asked = begin(to, "dd", arguments[2:], folder=str(Path.cwd()), env=dict(os.environ), files=[0, 1, 2])
    sys.exit(ended(asked))
