"""Which code a result is of."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dd.runtime import code_digest
from tests.conftest import ROOT, checkout


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


def test_one_more_choice_changes_no_digest(tmp_path, monkeypatch):
    """Which is a line in the `__init__.py` of a package of dd."""
    copy = checkout(tmp_path) / "dd"
    monkeypatch.setattr(code_digest, "PACKAGE", copy)
    before = code_digest.digest.__wrapped__("dd.distill.experiment")
    with (copy / "nets/__init__.py").open("a") as file:
        file.write("\nMORE = 1\n")
    assert code_digest.digest.__wrapped__("dd.distill.experiment") == before
    with (copy / "nets/factory.py").open("a") as file:
        file.write("\nMORE = 1\n")
    assert code_digest.digest.__wrapped__("dd.distill.experiment") != before


@pytest.mark.parametrize(
    ("name", "old", "new", "module"),
    [
        ("distill/init_kinds.py", "a new draw for every network", "new weights each time", "dd.distill.experiment"),
        ("nets/init_schemes.py", "as the network's class builds it", "as it is built", "dd.distill.experiment"),
        ("old_modules.py", "OLD_MODULES = {", 'OLD_MODULES = {"dd.older": "dd.nets",', "dd.distill.experiment"),
        (
            "evaluation/protocols.py",
            "as dc, but on learned labels",
            "as dc, on learned labels",
            "dd.evaluation.held_out",
        ),
        ("baselines/random.py", "Random real", "Real images at random", "dd.baselines.random"),
        ("baselines/random.py", "order=1,", "order=8,", "dd.baselines.random"),
    ],
)
def test_what_declarations_tell_readers_changes_no_digest(tmp_path, monkeypatch, name, old, new, module):
    copy = checkout(tmp_path) / "dd"
    monkeypatch.setattr(code_digest, "PACKAGE", copy)
    before = code_digest.digest.__wrapped__(module)
    text = (copy / name).read_text()
    assert old in text
    (copy / name).write_text(text.replace(old, new))
    assert code_digest.digest.__wrapped__(module) == before


def test_a_label_counts_where_nothing_is_declared(digest):
    digests = []
    for text in ("plot(label='a')", "plot(label='b')", "Kind(label='a', help='c')", "Kind(label='b', help='d')"):
        Path("mine/net.py").write_text(text)
        digests.append(digest())
    assert digests[0] != digests[1]
    assert digests[2] == digests[3]


def python_of(version):
    """A Python of this version, on the PATH or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for path in (*pyenv.glob(f"versions/{version}.*/bin/python"), shutil.which(f"python{version}")):
        if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return pytest.skip(f"no Python {version} here")


SPLIT_BY_SOME = r"""
NAME, WIDTH = "\N{GREEK SMALL LETTER ALPHA}\U0001FADC", 8
TEXTS = [f"a{{b}}c{NAME}d" "e{f}" f"{NAME!r:>{WIDTH}}{NAME:}", f"{{{NAME}}}", f"{NAME=}"]
MORE = [f"{NAME:{{WIDTH}}>{WIDTH}}", rf"\d{NAME}", f"", u"g"]
"""
"""Strings whose parts are divided, and printed, in different ways by versions of Python."""


@pytest.mark.usefixtures("digest")
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_other_versions_of_python_give_the_same_digests(version):
    Path("mine/blocks.py").write_text(SPLIT_BY_SOME)
    modules = ("mine.net", "dd.distill.experiment", "dd.report.tables.transfer", "dd.runtime.code_digest")
    program = f"from dd.runtime.code_digest import digest; print(*map(digest, {modules}))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python_of(version), "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.split() == [code_digest.digest.__wrapped__(module) for module in modules], done.stderr


def test_what_was_parsed_ahead_may_go(digest):
    before = digest()
    code_digest.parse_ahead(["mine.net", "mine.blocks", "helpers.sizes"])
    Path("mine/blocks.py").unlink()
    assert digest() != before


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
    paths = sorted(path.relative_to(ROOT).with_suffix("") for path in (ROOT / "dd/report").rglob("[a-z]*.py"))
    modules = ", ".join(".".join(path.parts) for path in paths)
    program = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


ORIGINAL = '''"""A network."""

import torch


class Net(torch.nn.Module):
    """It has layers."""

    WIDTH = 3
    """Units."""

    def forward(self, x, scale=2.0):
        """Logits."""
        # doubled
        return scale * x + self.WIDTH
'''
SAME = {
    "a comment": ("# doubled", "# DOUBLED, as in the paper"),
    "the module's docstring": ("A network.", "Another one."),
    "a class's docstring": ("It has layers.", "It has no layers."),
    "an attribute's docstring": ('"""Units."""', '"""How many units."""'),
    "a function's docstring": ("        # doubled", '        """It is doubled."""\n        # doubled'),
    "formatting": (
        "return scale * x + self.WIDTH",
        "return (\n            scale * x\n            + self.WIDTH\n        )",
    ),
    "moved lines": ("import torch\n", "\n\nimport torch\n\n\n"),
    "quotes": ('"""A network."""', "'A network.'"),
    "the end of lines": ("\n", "\r\n"),
    "what a type checker reads": (
        "import torch\n",
        "import torch\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import helpers.others\n",
    ),
}
OTHER = {
    "a number": ("WIDTH = 3", "WIDTH = 4"),
    "a default": ("scale=2.0", "scale=2.5"),
    "an operator": ("scale * x", "scale / x"),
    "a string that is used": ("return scale", "print('now')\n        return scale"),
    "the order of statements": ("scale * x + self.WIDTH", "self.WIDTH + scale * x"),
}


@pytest.mark.parametrize("change", SAME)
def test_what_people_read_makes_no_other_digest(digest, change):
    # it imports the name already, so that the case of the type checker adds no statement that runs
    text = ORIGINAL.replace("import torch\n", "import torch\nfrom typing import TYPE_CHECKING\n", 1)
    if change != "what a type checker reads":
        text = ORIGINAL
    Path("mine/net.py").write_text(text)
    before = digest()
    changed = ORIGINAL.replace(*SAME[change])
    assert changed != text
    Path("mine/net.py").write_bytes(changed.encode())
    assert digest() == before


@pytest.mark.parametrize("change", OTHER)
def test_what_runs_makes_another_digest(digest, change):
    Path("mine/net.py").write_text(ORIGINAL)
    before = digest()
    Path("mine/net.py").write_text(ORIGINAL.replace(*OTHER[change]))
    assert digest() != before


def test_source_in_another_encoding_is_read(digest):
    Path("mine/net.py").write_bytes("# -*- coding: latin-1 -*-\nNAME = 'é'\n".encode("latin-1"))
    before = digest()
    Path("mine/net.py").write_bytes("# -*- coding: latin-1 -*-\nNAME = 'è'\n".encode("latin-1"))
    assert digest() != before
