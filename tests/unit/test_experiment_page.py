"""The page of one experiment: what is on it, that its numbers are those of the files, and mistakes in the files."""

import re
from dataclasses import replace
from html import unescape
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import dd as package
from dd.data.prepared import load
from dd.distill.snapshots import LoadedSnapshots, Snapshots, load_snapshots
from dd.report.class_accuracy import class_accuracies
from dd.report.experiment_page import picture
from dd.report.figures.evolution import animation, strip_picture
from dd.report.figures.experiment import bars_picture, rates_picture, some_images
from tests.conftest import TINY_DISTILL
from tests.warm import run_python

SECTIONS = [
    "Distilled images",
    "During distillation",
    "Accuracy",
    "Beside real images",
    "Accuracy by class",
    "Learned rates",
]
SECTIONS += ["Training", "Cost", "How to load it", "What it is", "Settings"]


@pytest.fixture(scope="module")
def run(dd, digits, tmp_path_factory):
    """The files of a run of seconds."""
    folder = tmp_path_factory.mktemp("run")
    made = ("--out", folder / "set.safetensors", "--history", folder / "history.csv")
    made += ("--snapshots", folder / "snapshots.safetensors")
    common = ("--set", folder / "set.safetensors", "--data", digits)
    few = ("--nets=1", "--test-nets=2", "--choose-on=held-out")
    steps = [
        ("distill", "--data", digits, *made, *TINY_DISTILL, "--init=random", "--meta-steps=6"),
        ("evaluate", *common, "--nets=3", "--out", folder / "evaluate.csv"),
        ("baseline", "knn_random", *common, "--out", folder / "knn_random.csv"),
        ("baseline", "average", *common, *few, "--out", folder / "average.csv"),
    ]
    for words in steps:
        done = dd(*words)
        assert done.returncode == 0, done.stderr
    rows = ["s\th:m:s\tmax_rss\tcpu_time", "61.5\t0:01:01\t812.4\t-"]
    (folder / "distill.tsv").write_text("\n".join(rows))
    return folder


def words_of(folder, **changed):
    """The arguments of `dd page` for the files of a run; None leaves one out."""
    given = {
        "set": "set.safetensors",
        "history": "history.csv",
        "metrics": "evaluate.csv",
        "out": "page.html",
    } | changed
    return ["page", *(word for key, name in given.items() if name for word in (f"--{key}", folder / name))]


@pytest.fixture(scope="module")
def written(run, dd, digits):
    """The page with everything on it."""
    words = words_of(run, snapshots="snapshots.safetensors", benchmark="distill.tsv")
    beside = ["--beside", run / "average.csv", "--beside", run / "knn_random.csv"]
    done = dd(*words, *beside, "--data", digits)
    assert done.returncode == 0, done.stderr
    return (run / "page.html").read_text()


def test_every_part_is_there_and_nothing_leads_outside(written):
    assert re.findall("<h2>(.+?)</h2>", written) == SECTIONS
    assert len(re.findall("<img alt='[^']+' width=\\d+ src='data:image/png;base64,", written)) == 5
    assert "href=" not in written
    assert written.count(" src='data:image/webp;base64,") == 1
    assert written.count(" src=") == 6
    assert "http" not in re.sub("data:image[^']+", "", written)


def test_numbers_are_those_of_the_files(run, written):
    after = pd.read_csv(run / "evaluate.csv").query("stage == 'after'")["accuracy"]
    assert f"reach {after.mean():.1f} ± {after.std():.1f}" in written
    assert f"<td>Average real</td>\n      <td>{_tested(run / 'average.csv'):.1f}" in written
    assert f"<td>Random real, K-NN</td>\n      <td>{_tested(run / 'knn_random.csv'):.1f}" in written
    seconds = pd.read_csv(run / "history.csv")["seconds"].iloc[-1]
    assert f"{seconds:,.0f} seconds, of all attempts" in written
    assert "812 MiB at most" in written
    assert "<td>processor</td>\n      <td>—</td>" in written  # which Snakemake could not measure
    assert "<td>meta_steps</td>\n      <td>6</td>" in written


def _tested(path):
    return pd.read_csv(path).query("stage == 'test'")["accuracy"].mean()


def test_classes_together_are_as_accurate_as_evaluated(run, digits):
    rows = class_accuracies(package.load(run / "set.safetensors"), load(digits), nets=3)
    evaluated = pd.read_csv(run / "evaluate.csv").query("stage == 'after'")
    assert rows["nets"].tolist() == [3] * 10
    assert rows["test_images"].sum() == evaluated["test_images"].iloc[0]
    over_classes = (rows["accuracy"] * rows["test_images"]).sum() / rows["test_images"].sum()
    assert over_classes == pytest.approx(evaluated["accuracy"].mean(), abs=1e-3)


def test_the_lines_that_load_it_run(written):
    code = unescape(re.search("<h2>How to load it</h2><pre>(.+?)</pre>", written, re.S)[1])
    code += "\nimport torch\nprint(net(torch.zeros(2, 1, 28, 28)).shape)"
    done = run_python("-c", code)
    assert "[2, 10]" in done.stdout, done.stderr


def test_what_was_not_measured_is_left_out(run, dd):
    done = dd(*words_of(run, out="short.html"), "--benchmark", run / "not_there.tsv")
    assert done.returncode == 0, done.stderr
    short = (run / "short.html").read_text()
    left_out = [part for part in SECTIONS if part not in re.findall("<h2>(.+?)</h2>", short)]
    assert left_out == ["During distillation", "Beside real images", "Accuracy by class"]


@pytest.mark.parametrize(
    ("changed", "more", "told"),
    [
        ({"set": "none.safetensors"}, [], "none.safetensors: no such file"),
        ({"snapshots": "set.safetensors"}, [], "set.safetensors: no snapshots; give the file that"),
        ({"snapshots": "another.safetensors"}, [], "another.safetensors: snapshots of another set; give those of this"),
        ({"history": "evaluate.csv"}, [], "evaluate.csv: not a table of `python -m dd distill --history`"),
        ({"history": "begun.csv"}, [], "begun.csv: ends at meta-step 5, but the set had 6; give the history of this"),
        ({"metrics": "history.csv"}, [], "history.csv: not a table of `python -m dd evaluate`"),
        ({"metrics": "other_set.csv"}, [], "other_set.csv: measures another set"),
        ({}, ["--beside", "evaluate.csv"], "evaluate.csv: not a table of `python -m dd baseline` or `adapt`"),
        ({}, ["--beside", "other.csv"], "other.csv: of distilled_images 70, but the set of 20; leave it out"),
        ({}, ["--benchmark", "history.csv"], "history.csv: not a table of `python -m dd distill`"),
        ({"out": "page.pdf"}, [], "page.pdf must end in .html"),
    ],
)
def test_mistakes_are_told_in_one_line(run, dd, changed, more, told):
    pd.read_csv(run / "average.csv").assign(distilled_images=70).to_csv(run / "other.csv", index=False)
    pd.read_csv(run / "history.csv").query("meta_step < 6").to_csv(run / "begun.csv", index=False)
    pd.read_csv(run / "evaluate.csv").assign(set_digest="sha256:0").to_csv(run / "other_set.csv", index=False)
    snapshots = load_snapshots(run / "snapshots.safetensors")
    another = Snapshots(1, snapshots.classes)
    another.images = {1: snapshots.images[0]}
    another.save(run / "another.safetensors")
    out = changed.get("out", "wrong.html")
    done = dd(*words_of(run, **{"out": out} | changed), *(run / word if "." in word else word for word in more))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert told in done.stderr
    assert not (run / out).exists()


def test_data_that_were_not_measured_on_are_refused(run, dd, digits):
    pd.read_csv(run / "evaluate.csv").assign(dataset="mnist").to_csv(run / "mnist.csv", index=False)
    done = dd(*words_of(run, metrics="mnist.csv", out="wrong.html"), "--data", digits)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--data: digits, but" in done.stderr


def test_few_images_are_shown_of_many(run):
    """Of 30 images in a step, one of each class is shown; of 30 steps, 10."""
    distilled = package.load(run / "set.safetensors")  # of 2 steps, an image of each of 10 classes
    many = replace(distilled, images=distilled.images.repeat(15, 3, 1, 1, 1), labels=distilled.labels.repeat(15, 3))
    shown, steps = some_images(many)
    assert shown.images.shape[:2] == (30, 10)
    assert sorted(shown.labels[0].tolist()) == list(range(10))
    assert (steps[0], steps[-1], len(steps)) == (1, 30, 10)


def test_snapshots_are_drawn_in_one_range_and_move():
    images = torch.linspace(-1, 1, 3 * 12 * 4).view(3, 12, 1, 2, 2)  # three snapshots of twelve classes
    snapshots = LoadedSnapshots([0, 5, 40], list(range(12)), images)
    classes = [f"class {index}" for index in range(12)]
    strip = strip_picture(snapshots, classes).axes[0]
    assert [label.get_text() for label in strip.get_xticklabels()] == ["0", "5", "40"]
    assert [label.get_text() for label in strip.get_yticklabels()] == classes[:10]
    canvas = strip.images[0].get_array()
    shown = images[:, :10].numpy()
    limit = np.percentile(np.abs(shown), 99)
    assert canvas[3, 6] == pytest.approx(np.clip(shown[2, 1, 0, 0, 0] / (2 * limit) + 0.5, 0, 1))  # its third row
    moving = Image.open(BytesIO(animation(snapshots, classes)))
    assert (moving.format, moving.n_frames) == ("WEBP", 3)


def test_pictures_draw_every_rate_and_bar():
    lrs = torch.rand(3, 5).numpy()
    lines = [line for line in rates_picture(lrs).axes[0].lines if len(line.get_xdata()) == 5]
    assert [line.get_ydata().tolist() for line in lines] == lrs.tolist()
    rows = pd.DataFrame({"accuracy": [80.0, 60.0], "std": [2.0, None]})
    figure = bars_picture(["a <b>", "$c_d$"], rows)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [80, 60]
    assert "alt='it&#x27;s'" in picture(figure, "it's")
