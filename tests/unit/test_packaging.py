"""The package as others get it: a wheel and an sdist, the wheel in an environment and a folder of its own."""

import os
import shutil
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import dd
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(find_spec("setuptools") is None, reason="setuptools is not installed")
BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]  # setuptools changes the arguments
build_meta.build_sdist(out)
build_meta.build_wheel(out)
"""
KEPT = ("dd", "benchmarks", "docs", "profiles", "results/published", "tests", "tools", "workflow")
USE = """
import dd
from pathlib import Path
assert "site-packages" in dd.__file__, dd.__file__
shipped = dd.shipped()
assert (shipped / "workflow/schemas/config.schema.json").exists()
assert (shipped / "workflow/scales/laptop.yaml").exists()
assert (shipped / "results/published/laptop/compare.csv").exists()
print(dd.__version__)
"""


def ours(*options):
    """The names of the checkout's files, as git lists them."""
    names = subprocess.check_output(["git", "ls-files", "-z", *options], cwd=ROOT, text=True).split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a wheel and an sdist, built from a copy by the backend that pyproject.toml names."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ours("-co", "--exclude-standard"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name)
    build = [sys.executable, "-c", BUILD, str(out)]
    done = subprocess.run(build, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The Python of a new environment with the wheel alone, which sees the packages that are installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", str(wheel)], check=True)
    (packages / "those_here.pth").write_text("\n".join(site.getsitepackages()))
    return folder / "bin"


def use(*command, folder):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_is_used_outside_the_checkout(installed, tmp_path):
    assert use(str(installed / "python"), "-c", USE, folder=tmp_path).split() == [dd.__version__]
    use(str(installed / "ddistill"), "data", "prepare", "digits", "--out", "digits.npz", folder=tmp_path)
    assert (tmp_path / "digits.npz").exists()


def test_there_is_no_command_that_hides_the_systems(installed):
    assert "ddistill" in {path.name for path in installed.iterdir()}
    assert "dd" not in {path.name for path in installed.iterdir()}, "dd copies files on every Unix"


def test_the_wheel_has_code_and_what_belongs_to_it(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "dd").rglob("*.py")}
    assert modules <= names
    assert {"dd/py.typed", "dd/shipped/Snakefile", "dd/shipped/config.yaml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "results/"))]


def test_the_sdist_has_all_pages_and_tests(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {str(Path(*Path(name).parts[1:])) for name in opened.getnames()}
    assert {name for name in ours() if name.startswith(tuple(f"{folder}/" for folder in KEPT))} <= names


def test_the_changelog_tells_of_this_version():
    assert f"\n## {dd.__version__} - " in (ROOT / "CHANGELOG.md").read_text()
