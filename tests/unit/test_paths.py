"""No command replaces its own input, or writes two outputs into one file."""

import pytest
from click.testing import CliRunner

from dd.commands.main import main

DISTILL = ("distill", "--data", "a.npz", "--out", "a.safetensors", "--history", "a.csv")


def run(*words):
    return CliRunner().invoke(main, words)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Inputs of every kind, and a link to one of them; all hold the same text."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.npz", "a.safetensors", "a.csv"):
        (tmp_path / name).write_text("precious")
    (tmp_path / "link.npz").symlink_to("a.npz")
    (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*DISTILL[:3], "--out", "a.npz", *DISTILL[5:]), "--out: a.npz is also --data"),
        ((*DISTILL[:3], "--out", "link.npz", *DISTILL[5:]), "--out: link.npz is also --data"),
        ((*DISTILL[:5], "--history", "a.safetensors"), "--out: a.safetensors is also --history"),
        ((*DISTILL[:5], "--history", "new.csv", "--pretrained", "linked/a.safetensors"), "is also --pretrained"),
        (("evaluate", "--set", "a.safetensors", "--data", "a.npz", "--out", "a.safetensors"), "is also --set"),
        (("baseline", "average", "--set", "a.safetensors", "--data", "a.npz", "--out", "./a.npz"), "is also --data"),
        (("adapt", "full", "--set", "a.safetensors", "--data", "a.npz", "--out", "a.npz"), "is also --data"),
        (("pool", "train", "--data", "a.npz", "--out", "a.npz"), "is also --data"),
        (
            ("evaluate", "--set", "a.safetensors", "--data", "a.npz", "--out", "a.json"),
            "is also the metadata of --data",
        ),
        (("data", "vary", "--data", "a.npz", "--out", "linked/a.npz"), "is also --data"),
        (("export", "--set", "a.safetensors", "--out", "a.safetensors"), "is also --set"),
        (("import", "a.pt", "--out", "a.pt"), "--out: a.pt is also file"),
        (("export", "--set", "a.safetensors", "--out", "b.npz", "--out", "b.npz"), "--out: b.npz is also --out"),
        (("transfer", "--metrics", "a.csv", "--out", "a.csv"), "--out: a.csv is also --metrics"),
        (
            ("bars", "--metrics", "a.csv", "--scale", "x", "--table", "a.csv", "--out", "b.png"),
            "--table: a.csv is also",
        ),
        (("training", "--history", "a.csv", "--out", "a.csv"), "--out: a.csv is also --history"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_output_that_is_an_input_is_refused_before_anything_is_written(files, words, message):
    done = run(*words)
    assert done.exit_code == 1
    assert done.output.startswith("error: ")
    assert len(done.output.splitlines()) == 1
    assert message in done.output
    assert "choose another name" in done.output
    assert {path.read_text() for path in files.iterdir() if path.is_file()} == {"precious"}


def test_other_names_go_on():
    assert "is also" not in run(*DISTILL).output
    assert "is also" not in run("training", "--history", "a.csv", "--out", "b.png", "--out", "b.pdf").output
