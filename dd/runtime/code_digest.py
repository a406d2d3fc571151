"""Which code this is: digests, so that a result is made again when its own code has changed, and the git commit."""

import ast
import contextlib
import functools
import hashlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
INSTALLED = {sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib")}


@functools.cache
def digest(*modules: str, follow: bool = True) -> str:
    """A digest of these modules and, where `follow`, of all that they import of dd and of a user's own code.

    What lies outside dd is looked for in the current folder and on the Python path. Installed packages are not
    followed, and a module that is not found counts as empty.
    """
    todo, sources = list(modules), {}
    while todo:
        name = todo.pop()
        path = find(name)
        if path is None or name in sources:
            continue
        sources[name] = path.read_text(encoding="utf-8")
        if follow:
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            todo += [other for other in _imports(sources[name], package) if find(other, installed=False)]
    text = "".join(f"{name}\n{sources[name]}" for name in sorted(sources))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _imports(text: str, package: str) -> Iterator[str]:
    """The modules that a module of `package` may import, by their whole names."""
    try:
        nodes = [*ast.walk(ast.parse(text))]
    except SyntaxError:  # whoever runs it is told
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or package):
            with contextlib.suppress(ImportError):  # out of a package where there is none: likewise
                start = resolve_name("." * node.level + (node.module or ""), package)
                yield from (start, *(f"{start}.{alias.name}" for alias in node.names))


def find(name: str, installed: bool = True) -> Path | None:
    """The file of a module of dd or of a user's own, which may be among the `installed` packages."""
    first, *rest = name.split(".")
    folders = [Path(), *map(Path, sys.path)]
    if not installed:
        folders = [folder for folder in folders if not any(folder.is_relative_to(path) for path in INSTALLED)]
    for folder in [PACKAGE.parent] if first == PACKAGE.name else folders:
        base = folder.joinpath(first, *rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def commit() -> str:
    """The git commit of this code; where git cannot tell, as in a container, what `DD_COMMIT` says, or `unknown`."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=PACKAGE, capture_output=True, text=True, check=False).stdout.strip()

    told = ""
    with contextlib.suppress(OSError):  # no git here
        if git("ls-files", "__main__.py"):  # or this code lies in another project's repository
            told = git("describe", "--always", "--dirty", "--abbrev=12")
    return told or os.environ.get("DD_COMMIT", "unknown")
