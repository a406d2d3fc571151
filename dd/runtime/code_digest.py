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
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
INSTALLED = {sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib")}
READERS = {"description", "help", "label", "licence", "order"}
"""Arguments of declarations and options that say how they are shown."""
DECLARING = {"description", "help"}
"""Arguments by which a call is taken for such a declaration."""
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
    seen = set(modules)
    todo = list(seen)
    code: dict[str, str] = {}
    while todo:
        name = todo.pop()
        path = find(name)
        if path is None:
            continue
        code[name], imports = _read(path.read_bytes(), _package(name, path))
        if follow:
            new = imports - seen
            seen |= new
            todo += [other for other in new if _is_followed(find(other, installed=False))]
    text = "".join(f"{name}\n{code[name]}\n" for name in sorted(code))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse_ahead(modules: Iterable[str]) -> None:
    """Parse these modules, so that copies of this process need not, as long as their files stay as they are."""
    for name in modules:
        path = find(name)
        if path is not None:
            _read(path.read_bytes(), _package(name, path))
    _find_in.cache_clear()  # files may come and go before a copy asks for a digest


def _package(name: str, path: Path) -> str:
    """The package of a module, by which its relative imports begin."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


@functools.cache  # planning asks for the digests of many results, which share most of their modules
def _read(content: bytes, package: str) -> tuple[str, frozenset[str]]:
    """The code that a module of `package` runs, and the names of the modules that it may import."""
    try:
        module = _Module(ast.parse(content), package)
    except (SyntaxError, ValueError):  # Python reports it when the module runs; until then every byte counts
        return content.hex(), frozenset()
    return module.text, frozenset(module.imports)


class _Module:
    """A module of `package`: its code as text, and what it may import. Both come from one pass over the syntax tree.

    Unlike that of `ast.unparse`, the text does not depend on Python's version. Newer versions have more fields. They
    are empty in code that older versions can run, so empty fields are left out.
    """

    def __init__(self, tree: ast.Module, package: str) -> None:
        self.package = package
        self.imports: set[str] = set()
        """Full names; of `from a import b` both `a` and `a.b`, as `b` may be a module."""
        self.text = self._text(tree)

    def _text(self, node: object) -> str:
        """A part of the tree as text; the imports in it are noted."""
        if isinstance(node, list):
            return f"[{','.join([self._text(part) for part in node])}]"
        if not isinstance(node, ast.AST):
            return ascii(node)  # which characters `repr` prints as they are depends on the version
        if isinstance(node, ast.JoinedStr):
            return f"JoinedStr({','.join(self._f_string(node.values))})"
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports.update(_imports(node, self.package))
        parts = []
        for name in node._fields:
            value = None if name in NOT_CODE else _what_runs(node, name)
            if value is not None and value != []:
                parts.append(f"{name}={self._text(value)}")
        return f"{type(node).__name__}({','.join(parts)})"

    def _f_string(self, parts: list[ast.expr]) -> Iterator[str]:
        """The parts of an f-string as text. Versions of Python split the constant ones in different ways."""
        for constant, some in itertools.groupby(parts, lambda part: isinstance(part, ast.Constant)):
            if not constant:
                yield from map(self._text, some)
            elif joined := "".join(str(part.value) for part in some if isinstance(part, ast.Constant)):
                yield ascii(joined)


def _what_runs(node: ast.AST, field: str) -> object:
    """A field of `node` without what changes no result.

    That is docstrings, including those of attributes; `if TYPE_CHECKING:`; and in calls with an argument of
    `DECLARING`, such as declarations, those of `READERS`.
    """
    value = getattr(node, field, None)
    if field in ("body", "orelse", "finalbody") and isinstance(value, list):
        kept = [statement for statement in value if not _is_for_readers(statement)]
        return kept or ([ast.Pass()] if value else [])
    if field == "keywords" and isinstance(node, ast.Call) and {each.arg for each in node.keywords} & DECLARING:
        return [keyword for keyword in node.keywords if keyword.arg not in READERS]
    return value


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


def _imports(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """The full names of the modules that a statement in a module of `package` may import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.module or package:
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
