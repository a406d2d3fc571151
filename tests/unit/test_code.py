"""Which code a result is of."""

import subprocess
import sys
from pathlib import Path

import pytest

from dd.runtime import code_digest
from tests.conftest import ROOT


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """The digest of a user's network in this folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for name, text in {
        "mine/net.py": "import torch\nfrom . import blocks\nfrom dd.nets.lenet import LeNet\nimport helpers.sizes",
        "mine/blocks.py": "SIZE = 1",
        "helpers/sizes.py": "from torch import nn",
        "helpers/others.py": "",
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    return lambda: code_digest.digest.__wrapped__("mine.net")


@pytest.mark.parametrize(
    ("name", "noticed"),
    [("mine/net.py", True), ("mine/blocks.py", True), ("helpers/sizes.py", True), ("helpers/others.py", False)],
)
def test_what_a_users_network_imports_counts(digest, name, noticed):
    before = digest()
    with Path(name).open("a") as file:
        file.write("\nMORE = 1\n")
    assert (digest() != before) == noticed


def test_code_that_cannot_be_read_counts_all_the_same(digest):
    before = digest()
    Path("mine/net.py").write_text("class Net(")
    assert digest() != before
    Path("alone.py").write_text("from . import blocks")  # Python itself says so, when it is run
    assert code_digest.digest.__wrapped__("alone") != code_digest.digest.__wrapped__("nowhere")


def test_a_copy_within_another_repository_does_not_take_its_commit(tmp_path, monkeypatch):
    name = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (("init", "--quiet"), (*name, "commit", "--quiet", "--allow-empty", "--message=other")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "dd").mkdir()
    (tmp_path / "dd/__main__.py").touch()
    monkeypatch.setattr(code_digest, "PACKAGE", tmp_path / "dd")
    monkeypatch.setenv("DD_COMMIT", "told")
    assert code_digest.commit() == "told"
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    assert code_digest.commit() not in ("told", "unknown")


def test_reports_are_written_without_torch():
    """Which takes seconds to be imported."""
    modules = ", ".join(f"dd.report.{path.stem}" for path in (ROOT / "dd/report").glob("[a-z]*.py"))
    program = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
