"""What CONTRIBUTING.md promises of the code's structure: sizes, and imports that run one way only."""

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = (
    *("commands", "api", "plan", "config", "report", "adaptation", "baselines", "evaluation", "sets", "pools"),
    *("distill", "data", "nets", "runtime", "old_settings"),
)
"""Packages of dd, and the one module beside them. Each imports from itself and from those that come after it here."""
SOURCES = sorted(path for folder in ("dd", "tools", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py"))
OURS = [path for path in SOURCES if path.is_relative_to(ROOT / "dd")]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*SOURCES, *(ROOT / "workflow").rglob("*.smk")], ids=named)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", [path for path in SOURCES if "tests" not in path.parts], ids=named)
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            docstring = first.end_lineno - first.lineno + 1 if _is_docstring(first) else 0
            lines = node.end_lineno - node.lineno + 1 - docstring
            assert lines <= 50, f"{node.name} has {lines} lines"


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def test_every_package_has_its_layer():
    packages = {path.parent.name for path in (ROOT / "dd").glob("*/__init__.py")}
    assert packages == set(LAYERS) - {"old_settings"}


@pytest.mark.parametrize("path", [path for path in OURS if path.parent != ROOT / "dd"], ids=named)
def test_imports_run_downwards(path):
    own = path.relative_to(ROOT / "dd").parts[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dd."):
            other = node.module.split(".")[1]
            assert LAYERS.index(other) >= LAYERS.index(own), f"{own} must not import {node.module}"
