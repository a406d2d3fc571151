"""`python -m tests.program WORDS` in a copy of a process that has PyTorch: what `python WORDS` does with all imported.

WORDS are `-c PROGRAM`, `-m MODULE` or a file, and the words for it. What Python reads as it starts, such as
PYTHONHASHSEED, is that of the tests. The first line of the output is the number of the process.
"""

import os
import runpy
import sys
from pathlib import Path


def main() -> None:
    words = sys.argv[1:]
    print(os.getpid(), flush=True)
    sys.path[1:1] = [folder for folder in os.environ.get("PYTHONPATH", "").split(":") if folder]
    how, *more = words
    if how == "-m":
        sys.argv = more
        runpy.run_module(more[0], run_name="__main__", alter_sys=True)
    elif how == "-c":
        sys.argv = ["-c", *more[1:]]
        exec(compile(more[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    else:
        sys.argv, sys.path[0] = words, str(Path(how).parent)
        runpy.run_path(how, run_name="__main__")


main()
