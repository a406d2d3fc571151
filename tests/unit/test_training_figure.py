"""How a distillation went: its picture, and TensorBoard's event files."""

import math
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dd.report.event_files import EventFiles
from dd.report.figures.cost import cost_picture
from dd.report.figures.training import training_picture
from dd.runtime.checkpoints import Checkpoints
from dd.runtime.errors import UserError
from tests.conftest import ROOT, TINY_DISTILL

HISTORY = ROOT / "results/published/laptop/distill/mnist_random/history.csv"


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}


@pytest.mark.parametrize("rows", [1, 30], ids=["just begun", "whole"])
def test_the_picture_shows_every_row(rows):
    history = pd.read_csv(HISTORY).head(rows)
    picture = training_picture(history, "mnist_random")
    drawn = [line.get_ydata().tolist() for axes in picture.axes for line in axes.lines]
    columns = ("loss", "accuracy", "grad_norm", "mean_distill_lr", "meta_lr")
    np.testing.assert_array_equal(drawn, [history[c] for c in columns])
    assert f"{history['accuracy'].iloc[-1]:.1f} at last, 16 net(s)" in picture.axes[1].get_title()


def test_command(dd, tmp_path):
    out = [word for ending in ("png", "pdf", "svg") for word in ("--out", tmp_path / f"a.{ending}")]
    done = dd("training", "--history", HISTORY, *out)
    assert done.returncode == 0, done.stderr
    assert "<svg " in (tmp_path / "a.svg").read_text()
    assert Image.open(tmp_path / "a.png").info["dpi"] == pytest.approx((200, 200), abs=0.1)
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/Type3" not in pdf
    assert b"/CIDFontType2" in pdf
    done = dd("training", "--history", HISTORY.parents[2] / "runs.csv", "--out", tmp_path / "a.png")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "runs.csv: not a table of `python -m dd distill --history`" in done.stderr


@pytest.mark.filterwarnings("error")
def test_the_first_row_has_no_loss_yet(tmp_path):
    """The row at meta-step 0, with which a history begins: alone, and followed by others."""
    history = pd.read_csv(HISTORY)
    first = history.head(1).assign(meta_step=0, loss=math.nan, grad_norm=math.nan)
    for rows in (first, pd.concat([first, history])):
        picture = training_picture(rows, "mnist_random")
        picture.savefig(tmp_path / "a.png")
        loss, accuracy = (picture.axes[panel].lines[0].get_ydata() for panel in (0, 1))
        assert math.isnan(loss[0])
        assert accuracy[0] == history["accuracy"][0]


def test_event_files_hold_the_history(dd, digits, tmp_path):
    pytest.importorskip("tensorboard", reason="the optional package tensorboard is not installed")
    other = tmp_path / "other.tensorboard/events.out.tfevents.1"  # of a run whose history is in the same folder
    other.parent.mkdir()
    other.touch()
    words = ["--data", digits, "--out", tmp_path / "set.safetensors", "--history", tmp_path / "history.csv"]
    words += [*TINY_DISTILL, "--meta-steps=10", "--tensorboard"]
    done = dd("distill", *words)
    assert done.returncode == 0, done.stderr
    history = pd.read_csv(tmp_path / "history.csv").drop(columns="kind")
    folder = tmp_path / "history.tensorboard"
    found = scalars(folder)
    assert set(found) == set(history) - {"meta_step", "accuracy_std"}  # which a single net has not
    for name, points in found.items():
        written = history[["meta_step", name]].dropna().itertuples(index=False)
        assert points == [(step, pytest.approx(value)) for step, value in written]
    assert other.exists()
    files = set(folder.iterdir())
    with Checkpoints(tmp_path / "set.safetensors.work", {}).locked():
        done = dd("distill", *words, "--force")
    assert "another run is working here" in done.stderr
    assert set(folder.iterdir()) == files


def test_a_resumed_run_replaces_its_event_files(tmp_path):
    pytest.importorskip("tensorboard", reason="the optional package tensorboard is not installed")
    history = [{"meta_step": 5, "loss": 2.0}, {"meta_step": 10, "loss": 1.0}]
    EventFiles(tmp_path).write(history[:1])
    again = EventFiles(tmp_path)
    again.write(history[:1])
    again.write(history)
    again.write(history)
    assert scalars(tmp_path) == {"loss": [(5, 2.0), (10, 1.0)]}


def test_without_the_package_one_line_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # as if it were not installed
    with pytest.raises(UserError, match=r"--tensorboard: the package is missing; `pip install tensorboard`"):
        EventFiles(tmp_path)


def test_accuracy_against_time_has_a_line_for_each_history(dd, tmp_path):
    history = pd.read_csv(HISTORY)
    begun = history.head(4).assign(accuracy_std=math.nan)
    picture = cost_picture({"whole": history, "of one net": begun})
    (axes,) = picture.axes
    history, begun = (h[h["meta_step"] > 0] for h in (history, begun))  # what is before has no place on a log axis
    assert [line.get_xdata().tolist() for line in axes.lines] == [
        (h["seconds"] / 60).tolist() for h in (history, begun)
    ]
    assert [line.get_ydata().tolist() for line in axes.lines] == [h["accuracy"].tolist() for h in (history, begun)]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == [f"whole: {history['accuracy'].iloc[-1]:.1f}", f"of one net: {begun['accuracy'].iloc[-1]:.1f}"]
    done = dd("cost", "--history", HISTORY, "--out", tmp_path / "cost.png")
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "cost.png").size[0] > 1000
