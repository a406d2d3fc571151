"""Commands whose result is there already, whose outputs have no names, and that are refused."""

from dataclasses import replace

import pytest

import dd as package
from dd.data.prepared import load
from dd.distill.experiment import Experiment, made_with
from dd.distill.settings import DistillConfig
from dd.report.figures.distilled_images import images_title_without_accuracy
from dd.runtime.errors import UserError
from dd.runtime.identity import is_finished
from tests.conftest import TINY_DISTILL

POOL = ("pool", "train", "--total=1", "--epochs=1", "--batch=512")


@pytest.fixture(scope="module")
def commands(digits):
    """The words of each command that goes on from checkpoints, but for --out, and a setting to change."""
    return {
        "distill": (["distill", "--data", digits, *TINY_DISTILL, "--meta-steps=2"], "meta_lr was 0.02, is 0.5"),
        "pool": ([*POOL, "--data", digits], "lr was 0.0002, is 0.5"),
    }


@pytest.fixture(params=["distill", "pool"])
def finished(request, commands, dd, tmp_path):
    """A command that has made its result: its words, the result, an option that changes it, and how that is told."""
    words, told = commands[request.param]
    out = tmp_path / f"{request.param}.safetensors"
    words = [*words, "--out", out]
    done = dd(*words)
    assert done.returncode == 0, done.stderr
    return words, out, f"--{told.partition(' ')[0].replace('_', '-')}=0.5", told


CURE = "choose another --out, or replace it with --force"


def test_a_finished_result_of_other_settings_is_replaced_only_by_force(dd, finished):
    words, out, option, told = finished
    before = {path: path.read_bytes() for path in out.parent.iterdir()}
    done = dd(*words, option)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {out}: is finished, with other settings ({told}); {CURE}\n"
    assert {path: path.read_bytes() for path in out.parent.iterdir()} == before
    done = dd(*words, option, "--force")
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() != before[out]
    assert f"is finished, with other settings ({told.split()[0]} was 0.5, is " in dd(*words).stderr


def test_data_that_are_changed_in_another_way_are_other_data(digits, tmp_path):
    dataset, out = load(digits), tmp_path / "set.safetensors"
    experiment = Experiment(DistillConfig(steps=1, epochs=1, nets=1, validation_images=100), dataset)
    experiment.distilled({"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}).save(out)
    assert is_finished(out, made_with, experiment.identity())
    changed = Experiment(experiment.config, replace(dataset, info=dataset.info | {"augmentation": "crop_flip"}))
    with pytest.raises(
        UserError, match=r"is finished, with other settings \(augmentation was 'none', is 'crop_flip'\)"
    ):
        is_finished(out, made_with, changed.identity())


def test_a_finished_result_is_not_made_again(dd, finished):
    words, out, *_ = finished
    changed = out.stat().st_mtime_ns
    done = dd(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{out}: is finished already, with these settings; --force makes it anew\n"
    assert out.stat().st_mtime_ns == changed
    content = out.read_bytes()
    assert dd(*words, "--force").returncode == 0
    assert out.read_bytes() == content
    assert out.stat().st_mtime_ns != changed


def test_other_data_and_other_files_are_told_apart_too(dd, finished, tmp_path):
    words, out, *_ = finished
    inverted = tmp_path / "inverted.npz"
    assert dd("data", "vary", "--data", words[words.index("--data") + 1], "--out", inverted, "--invert").returncode == 0
    done = dd(*words, "--data", inverted)
    assert done.stderr.startswith(f"error: {out}: is finished, with other settings (dataset was ")
    assert done.stderr.count("\n") == 1
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    done = dd(*words, "--out", notes)
    assert done.stderr.startswith(f"error: {notes}: damaged or not a ")
    assert done.stderr.endswith(f"{CURE}\n")
    assert notes.read_text() == "mine"


def test_a_shard_of_another_number_of_networks_is_told_apart(dd, digits, tmp_path):
    words = [*POOL, "--data", digits, "--out", tmp_path / "a.safetensors", "--nets=1"]
    assert dd(*words).returncode == 0
    assert "with other settings (total was 1, is 2)" in dd(*words, "--total=2").stderr


def test_the_history_stands_beside_the_set_and_a_missing_one_is_made_anew(dd, commands, tmp_path):
    words, _ = commands["distill"]
    words = [*words, "--out", tmp_path / "ten.safetensors"]
    assert dd(*words).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ten.safetensors", "ten.csv"}
    assert [line.split(",")[:2] for line in (tmp_path / "ten.csv").read_text().splitlines()[1:]] == [
        *(["history", "0"], ["history", "2"])
    ]
    (tmp_path / "ten.csv").unlink()
    assert dd(*words).returncode == 0
    assert (tmp_path / "ten.csv").exists()
    done = dd(*words[:-1], tmp_path / "ten.csv")
    assert done.stderr == f"error: --out: {tmp_path / 'ten.csv'} is also --history; choose another name for it\n"


def test_a_figure_without_measurements_says_what_the_set_tells(dd, commands, tmp_path):
    words, _ = commands["distill"]
    assert dd(*words, "--out", tmp_path / "ten.safetensors").returncode == 0
    done = dd("figure", "--set", tmp_path / "ten.safetensors", "--out", tmp_path / "ten.svg")
    assert done.returncode == 0, done.stderr
    assert "<svg " in (tmp_path / "ten.svg").read_text()

    title = images_title_without_accuracy(package.load(tmp_path / "ten.safetensors"))
    assert title.splitlines() == [
        "digits, LeNet, fixed init: 20 images, 2 steps x 2 epochs",
        "digits: as its source gives it",
    ]


@pytest.fixture(scope="module")
def small(commands, dd, tmp_path_factory):
    """A distilled set, and a dataset of two photos a class that does not fit it."""
    folder = tmp_path_factory.mktemp("small")
    assert dd(*commands["distill"][0], "--out", folder / "set.safetensors").returncode == 0
    digits = commands["distill"][0][2]
    vary = ("data", "vary", "--data", digits, "--out", folder / "other.npz", "--size=32")
    assert dd(*vary).returncode == 0
    (folder / "file").write_text("no folder")
    return folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("distill", "--out", "file/set.safetensors"), "file/set.safetensors: cannot write (Not a directory)"),
        (("distill", "--out", "new", "--history", "file/a.csv"), "file/a.csv: cannot write (Not a directory)"),
        (("distill", "--out", "/dev/full"), "/dev/full: is not a plain file"),
        (("distill", "--out", "new", "--work", "file/work", "--real-batch=64"), "file/work: cannot be written"),
        (("distill", "--out", "new", "--validation-images=9999"), "validation_images"),
        (("distill", "--out", "new", "--start=real", "--steps=1000"), "lower steps"),
        (("pool", "train", "--out", "file/a.safetensors"), "file/a.safetensors: cannot write (Not a directory)"),
        (("evaluate", "--set", "set.safetensors", "--out", "file/a.csv"), "file/a.csv: cannot write"),
        (("evaluate", "--set", "set.safetensors", "--data", "other.npz", "--out", "a.csv"), "has images [1, 32, 32]"),
        (("evaluate", "--set", "set.safetensors", "--net", "LeNet5", "--out", "a.csv"), "net 'LeNet5' is not known"),
        (("baseline", "random", "--set", "set.safetensors", "--data", "other.npz", "--out", "a.csv"), "has images"),
        (
            ("baseline", "optimized", "--set", "set.safetensors", "--candidates=1", "--draws=2", "--out", "a.csv"),
            "candidates: 1 are fewer than the 2 draws",
        ),
        (("adapt", "full", "--set", "set.safetensors", "--data", "other.npz", "--out", "a.csv"), "has images"),
        (("linear-case", "--sizes=1,0", "--out", "a.csv"), "--sizes: "),
        (("linear-case", "--out", "file/a.csv"), "file/a.csv: cannot write"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_refuses_before_it_shows_a_bar(dd, digits, small, words, message):
    data = () if "--data" in words or words[0] == "linear-case" else ("--data", digits)
    in_folder = [small / word if word in FILES or word.startswith("file/") else word for word in words]
    done = dd(*in_folder, *data)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert {path.name for path in small.iterdir()} == {"set.safetensors", "set.csv", "other.npz", "other.json", "file"}


FILES = ("set.safetensors", "other.npz", "new", "a.csv")
