"""Digests of code, so that a result is made again when its code has changed, and the git commit."""

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
    """A digest of the code of these modules and, if `follow`, of all modules of dd and of the user that they import.

    Comments, docstrings, formatting and code for type checkers alone do not count: see `_what_runs`. Modules outside dd
    are searched for in the current folder and on the Python path. Installed packages are not followed. Neither are the
    `__init__.py` files of dd's packages: they list what can be chosen, and one more choice changes no result. So the
    caller must name the modules that were chosen. A module that is not found is left out.
    """
    todo = list(modules)
    code: dict[str, str] = {}
    while todo:
        name = todo.pop()
        path = find(name)
        if path is None or name in code:
            continue
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        code[name], imports = _read(path.read_bytes(), package)
        if follow:
            todo += [other for other in imports if _is_followed(find(other, installed=False))]
    text = "".join(f"{name}\n{code[name]}\n" for name in sorted(code))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache  # planning asks for the digests of many results, which share most of their modules
def _read(content: bytes, package: str) -> tuple[str, tuple[str, ...]]:
    """The code that a module of `package` runs, and the names of the modules that it may import."""
    try:
        tree = _what_runs(ast.parse(content))
    except (SyntaxError, ValueError):  # Python reports it when the module runs; until then every byte counts
        return content.hex(), ()
    return ast.unparse(tree), tuple(_imports(tree, package))


def _what_runs(tree: ast.Module) -> ast.Module:
    """`tree` without docstrings, including those of attributes, and without `if TYPE_CHECKING:`."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                kept = [statement for statement in statements if not _is_for_readers(statement)]
                setattr(node, field, kept or ([ast.Pass()] if statements else []))
    return tree


def _is_for_readers(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return not statement.orelse
        case _:
            return False


def _is_followed(path: Path | None) -> bool:
    return path is not None and not (path.name == "__init__.py" and path.is_relative_to(PACKAGE))


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """The full names of the modules that a module of `package` may import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or package):
            with contextlib.suppress(ImportError):  # a relative import that leads out of the top package
                start = resolve_name("." * node.level + (node.module or ""), package)
                yield from (start, *(f"{start}.{alias.name}" for alias in node.names))


def find(name: str, installed: bool = True) -> Path | None:
    """The file of a module of dd or of the user; with `installed`, installed packages are searched too."""
    if name.partition(".")[0] == PACKAGE.name:
        return _find_in((str(PACKAGE.parent),), name)
    return _find_in(_search_path(Path.cwd(), tuple(sys.path), installed), name)


@functools.cache  # planning asks for some names hundreds of times
def _find_in(folders: tuple[str, ...], name: str) -> Path | None:
    for folder in folders:
        base = f"{folder}/{name.replace('.', '/')}"
        for path in (Path(f"{base}.py"), Path(f"{base}/__init__.py")):
            if path.is_file():
                return path
    return None


@functools.cache
def _search_path(current: Path, python_path: tuple[str, ...], installed: bool) -> tuple[str, ...]:
    """The current folder and those of the Python path, without those of installed packages unless `installed`."""
    folders = [current, *(current / folder for folder in python_path)]
    own = [folder for folder in folders if installed or not any(folder.is_relative_to(path) for path in INSTALLED)]
    return tuple(map(str, dict.fromkeys(own)))


def commit() -> str:
    """The git commit of this code; if git does not know it, as in a container, `DD_COMMIT`, or else `unknown`."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=PACKAGE, capture_output=True, text=True, check=False).stdout.strip()

    described = ""
    with contextlib.suppress(OSError):  # git is not installed
        if git("ls-files", "__main__.py"):  # empty if this code lies in another project's repository
            described = git("describe", "--always", "--dirty", "--abbrev=12")
    return described or os.environ.get("DD_COMMIT", "unknown")
