"""What can be reached after `import dd` alone."""

import re
import subprocess
import sys

import pytest

from dd.runtime.code_digest import PACKAGE
from tests.conftest import ROOT
from tests.warm import ANEW, run_python

MODULES = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in sorted(PACKAGE.rglob("*.py"))]
MODULES = [name.removesuffix(".__init__") for name in MODULES if not name.endswith("__main__")]


def run(program, **options):
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_every_module_is_there_after_import_dd():
    program = f"import dd\nfor name in {MODULES}:\n    assert eval(name).__name__ == name, name"
    done = run_python("-c", f"{ANEW}{program}")
    assert done.returncode == 0, done.stderr


def test_import_dd_imports_nothing_heavy():
    done = run(
        "import dd, sys; print([name for name in ('torch', 'numpy', 'pandas') if name in sys.modules])", cwd=ROOT
    )
    assert done.stdout == "[]\n", done.stderr


def test_help_imports_nothing_heavy():
    heavy = ("torch", "numpy", "pandas", "sklearn", "matplotlib", "snakemake")
    program = f"import atexit, sys; atexit.register(lambda: print([name for name in {heavy} if name in sys.modules]))"
    done = run(f"{program}; from dd.commands.main import main; main(['--help'])", cwd=ROOT)
    assert "distill" in done.stdout, done.stderr
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("name", ["dd.lode", "dd.data.lode", "dd.nets.lode", "dd.report.figures.lode", "dd.__main__"])
def test_what_is_not_there_is_an_error_as_ever(name):
    package, _, attribute = name.rpartition(".")
    assert f"module {package!r} has no attribute {attribute!r}" in run(f"import dd; {name}", cwd=ROOT).stderr


def test_arrays_are_saved_by_the_call_of_the_docs(dd, tmp_path):
    text = " ".join((ROOT / "docs/extending.md").read_text().split())
    first, call = re.search(r"after `(import dd)`, `(dd.data.prepared.save\(.+?\))`", text).groups()
    lines = [
        "import numpy as np",
        first,
        "x, classes = np.arange(12 * 8 * 8, dtype=np.uint8).reshape(12, 8, 8), ['cat', 'dog']",
        "y = np.arange(12, dtype=np.uint8) % 2",
        "arrays = {'x_train': x[:8], 'y_train': y[:8], 'x_test': x[8:], 'y_test': y[8:]}",
        "out, name = 'pets.npz', 'pets'",
        call.replace("source=...", "source='drawn'").replace("fidelity=...", "fidelity='as drawn'"),
        "assert dd.data.prepared.load(out).classes == classes",
    ]
    done = run("\n".join(lines), cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    done = dd("data", "vary", "--data", tmp_path / "pets.npz", "--out", tmp_path / "pets_inverted.npz", "--invert")
    assert "pets_inverted.npz: 8 training and 4 test images, 2 classes" in done.stdout, done.stderr
