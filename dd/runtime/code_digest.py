"""Digests of code, so that a result is made again when its code has changed, and the git commit."""

import ast
import contextlib
import functools
import hashlib
import itertools
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
INSTALLED = {sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib")}
READERS = {"description", "help", "label", "licence", "order"}
"""Arguments of declarations and options that say how they are shown."""
NOT_CODE = {"ctx", "kind", "type_comment"}
"""Fields of a syntax tree that decide nothing: the rest of the tree implies them, or they are comments."""


@functools.cache
def digest(*modules: str, follow: bool = True) -> str:
    """A digest of the code of these modules and, if `follow`, of all modules of dd and of the user that they import.

    Comments, docstrings, formatting, code for type checkers alone and what declarations tell readers do not count: see
    `_what_runs`. Python 3.11 to 3.13 give the same digest. Modules outside dd are searched for in the current folder
    and on the Python path. Installed packages are not followed. Neither are the `__init__.py` files of dd's packages:
    they list what can be chosen, and one more choice changes no result. So the caller must name the modules that were
    chosen. A module that is not found is left out.
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
        return _text(tree), tuple(_imports(tree, package))
    except (SyntaxError, ValueError):  # Python reports it when the module runs; until then every byte counts
        return content.hex(), ()


def _what_runs(tree: ast.Module) -> ast.Module:
    """`tree` without what changes no result.

    That is docstrings, including those of attributes; `if TYPE_CHECKING:`; and in calls with a keyword argument
    `description` or `help`, such as declarations, the arguments of `READERS`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and any(keyword.arg in ("description", "help") for keyword in node.keywords):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in READERS]
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


def _text(node: object) -> str:
    """A syntax tree, or a part of it, as text. Unlike that of `ast.unparse`, it does not depend on Python's version.

    Newer versions have more fields. They are empty in code that older versions can run, so empty fields are left out.
    """
    if isinstance(node, list):
        return f"[{','.join(map(_text, node))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)  # which characters `repr` prints as they are depends on the version
    if isinstance(node, ast.JoinedStr):
        parts = _f_string(node.values)
    else:
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in NOT_CODE)
        parts = (f"{name}={_text(value)}" for name, value in fields if value not in (None, []))
    return f"{type(node).__name__}({','.join(parts)})"


def _f_string(parts: list[ast.expr]) -> Iterator[str]:
    """The parts of an f-string as text. Versions of Python split the constant ones in different ways."""
    for constant, some in itertools.groupby(parts, lambda part: isinstance(part, ast.Constant)):
        if not constant:
            yield from map(_text, some)
        elif joined := "".join(str(part.value) for part in some if isinstance(part, ast.Constant)):
            yield ascii(joined)


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
