"""Imports that people have written against earlier versions."""

import pytest

from dd.old_modules import OLD_MODULES
from tests.warm import ANEW, run_python


def run(program):
    told = "import warnings; warnings.simplefilter('always', DeprecationWarning)\n"
    return run_python("-c", f"{ANEW}{told}{program}")


def test_every_old_module_is_the_new_one():
    program = f"""
import importlib, sys, dd
for old, new in {OLD_MODULES!r}.items():
    assert importlib.import_module(old) is importlib.import_module(new) is sys.modules[old], old
    assert importlib.import_module(new).__spec__.name == new
"""
    done = run(program)
    assert done.returncode == 0, done.stderr
    for old, new in OLD_MODULES.items():
        assert f"DeprecationWarning: {old} is called {new} now" in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "import dd; assert callable(dd.load) and callable(dd.load_pool) and dd.DistilledSet.load and dd.__version__",
        "import dd, dd.data.dataset; assert dd.data.dataset.load and dd.data.dataset.save",
        "import dd, dd.runtime.pools; assert dd.runtime.pools.PoolFolder",
        "from dd.nets import build; assert build('LeNet', 1, 28, 10)",
    ],
)
def test_what_readme_and_docs_have_shown(line):
    done = run(line)
    assert done.returncode == 0, done.stderr


def test_a_name_that_never_was_is_an_error_as_ever():
    assert "No module named 'dd.data.datasett'" in run("import dd.data.datasett").stderr
    assert "module 'dd' has no attribute 'lode'" in run("import dd; dd.lode").stderr
