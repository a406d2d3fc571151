"""Which code this is: digests, so that a result is made again when its own code has changed, and the git commit."""

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def digest(*modules: str, follow: bool = True) -> str:
    """A digest of these modules and, where `follow`, of all of dd that they import.

    Modules outside dd, a user's own networks, are looked for in the current folder and on the Python path; one that is
    not found counts as empty.
    """
    todo, sources = list(modules), {}
    while todo:
        name = todo.pop()
        path = _find(name)
        if path is None or name in sources:
            continue
        sources[name] = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(sources[name])) if follow else ():
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE.name:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    text = "".join(f"{name}\n{sources[name]}" for name in sorted(sources))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _find(name: str) -> Path | None:
    first, *rest = name.split(".")
    for folder in [PACKAGE.parent] if first == PACKAGE.name else [Path(), *map(Path, sys.path)]:
        base = folder.joinpath(first, *rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def commit() -> str:
    """The git commit of this code; where git cannot tell, as in a container, what `DD_COMMIT` says, or `unknown`."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        told = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # no git here
        told = ""
    return told or os.environ.get("DD_COMMIT", "unknown")
