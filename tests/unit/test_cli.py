import os

import pytest

from dd.evaluate import read_metrics
from dd.runtime.errors import UserError
from tests.conftest import TINY_DISTILL


@pytest.mark.parametrize("arguments", [[], ["data", "prepare"], ["distill"], ["evaluate"], ["figure"]], ids=" ".join)
def test_help_teaches(dd, arguments):
    done = dd(*arguments, "--help")
    assert done.returncode == 0
    assert "Usage: python -m dd" in done.stdout


def test_from_data_to_picture(dd, digits, tmp_path):
    out = {name: tmp_path / name for name in ("set.safetensors", "history.csv", "accuracy.csv", "a.png", "a.pdf")}
    done = dd(
        *("distill", "--data", digits, "--out", out["set.safetensors"], "--history", out["history.csv"]),
        *("--meta-steps", 10, *TINY_DISTILL),
    )
    assert done.returncode == 0, done.stderr
    assert "10/10 steps" in done.stderr
    done = dd("evaluate", "--set", out["set.safetensors"], "--data", digits, "--out", out["accuracy.csv"])
    assert "after: " in done.stdout
    done = dd(
        *("figure", "--set", out["set.safetensors"], "--metrics", out["accuracy.csv"], "--steps", "2"),
        *("--out", out["a.png"], "--out", out["a.pdf"]),
    )
    assert done.returncode == 0, done.stderr
    assert out["a.png"].read_bytes().startswith(b"\x89PNG")
    assert out["a.pdf"].read_bytes().startswith(b"%PDF")
    assert out["history.csv"].read_text().splitlines()[-1].startswith("10,")
    assert {p.name for p in tmp_path.iterdir()} == {*out, "set.safetensors.work"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "prepare", "nothing", "--out", "x.npz"], "dataset 'nothing' is not known"),
        (["evaluate", "--set", "no.safetensors", "--data", "no.npz", "--out", "x.csv"], "no.safetensors: no such file"),
        (["figure", "--set", "no.safetensors", "--metrics", "no.csv", "--out", "x.png"], "no such file"),
        (["figure", "--set", "no.safetensors", "--metrics", "no.csv", "--out", "x.foo"], "must end in .png or .pdf"),
        (["distill", "--data", "no.npz", "--out", "x", "--history", "y"], "no.json: no such file; prepare it again"),
        (
            ["distill", "--data", "no.npz", "--out", "x", "--history", "y", "--steps", "0"],
            "steps: 0 must be at least 1",
        ),
    ],
)
def test_mistakes_are_one_line(dd, arguments, message):
    done = dd(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_other_tables_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_metrics(tmp_path / "no.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="not a table of"):
        read_metrics(tmp_path / "other.csv")


def test_no_compiler_is_said_in_one_line(dd, digits, tmp_path):
    files = ("--data", digits, "--out", tmp_path / "set.safetensors", "--history", tmp_path / "history.csv")
    broken = {"CXX": "/nonexistent", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = dd("distill", *files, *TINY_DISTILL, "--meta-steps=1", "--compile", env=os.environ | broken)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: PyTorch could not compile the steps")
    assert "Traceback" not in done.stderr
