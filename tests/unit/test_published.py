"""Sets to take: by name, from the checkout and from an installed package; what they say of themselves; the audit."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import dd
from dd.api.description import description
from dd.data.prepared import load
from dd.distill.initial_weights import RandomInitial
from dd.evaluation.audit import advantage, audit, nearest_training_images
from dd.report.publish import publish
from dd.runtime.errors import UserError
from dd.runtime.files import load_tensors, save_tensors
from dd.runtime.result_files import set_name
from tests.conftest import ROOT
from tests.unit.test_judge import real_set

FAST = {"steps": 1, "epochs": 2, "nets": 1, "real_batch": 32, "validation_images": 10, "validation_nets": 2}


@pytest.fixture(scope="module")
def distilled(digits):
    return dd.distill(digits, net="MLP", meta_steps=1, progress=False, **FAST)


@pytest.fixture
def folder(distilled, tmp_path):
    """A folder into which a run has been published, with its set."""
    distilled.save(tmp_path / "results/laptop/distill/mnist_random/set.safetensors")
    publish(tmp_path / "results/laptop", tmp_path / "results/published/laptop", ["mnist_random"])
    return tmp_path / "results/published"


def test_a_published_set_is_loaded_by_its_name(distilled, folder, monkeypatch):
    monkeypatch.setattr(dd, "shipped", lambda: folder.parents[1])
    (row,) = dd.published().to_dict("records")
    assert (row["name"], row["scale"], row["dataset"], row["net"]) == ("mnist_random", "laptop", "digits", "MLP")
    assert dd.load("mnist_random").digest == distilled.digest == row["digest"]
    with pytest.raises(
        UserError, match="mnist_rendom: no such file, and no published set of this name; those are mnist"
    ):
        dd.load("mnist_rendom")
    monkeypatch.chdir(folder)
    (folder / "mnist_random").mkdir()  # as an export of pictures is
    assert dd.load("mnist_random").digest == distilled.digest
    assert dd.load("laptop/mnist_random").digest == distilled.digest
    with pytest.raises(UserError, match="paper/mnist_random: no such file"):
        dd.load("paper/mnist_random")
    shutil.copytree(folder / "laptop", folder / "paper")
    assert list(dd.published()["name"]) == ["laptop/mnist_random", "paper/mnist_random"]
    assert dd.load("paper/mnist_random").digest == distilled.digest


def test_the_sets_of_this_checkout_are_read():
    """Those that are published with this version, by all versions that follow."""
    found = {path.parent.name for path in (ROOT / "results/published").glob("*/distill/*/set.safetensors")}
    assert {name.rpartition("/")[2] for name in dd.published()["name"]} == found
    for name in dd.published()["name"]:
        assert dd.load(name).digest


def test_an_installed_package_brings_them_along(folder, distilled, tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "dd", source / "dd", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source / name)
    shutil.copytree(folder, source / "results/published")
    command = ["-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", tmp_path / "site", source]
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    program = "import dd; print(dd.__file__, *dd.published()['name'], dd.load('mnist_random').digest)"
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [str(tmp_path / "site/dd/__init__.py"), "mnist_random", distilled.digest], done.stderr


def test_show_says_what_a_set_is(request, distilled, tmp_path):
    distilled.save(tmp_path / "set.safetensors")
    done = request.getfixturevalue("dd")("show", tmp_path / "set.safetensors", "--out", tmp_path / "sheet.png")
    assert done.returncode == 0, done.stderr
    told = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    told = {key.strip(): value.strip() for key, value in told.items()}
    assert told == description(distilled)
    assert told["licence of the data"] == "CC BY 4.0 (UCI Machine Learning Repository)"
    assert told["images"] == "1 steps of 10, each [1, 28, 28]"
    assert told["schema"] == "dd distilled set 1"
    assert told["digest"] == f"sha256:{distilled.digest}"
    assert "on validation images, native protocol, 2 net(s)" in told["accuracy"]
    assert Image.open(tmp_path / "sheet.png").size[0] > 500


def test_metadata_follow_their_schema(distilled, tmp_path):
    path = tmp_path / "set.safetensors"
    distilled.save(path)
    tensors, info = load_tensors(path)
    text = (ROOT / "docs/formats.md").read_text()
    assert not [key for key in info if f"| `{key}` |" not in text]
    older = {key: info[key] for key in ("format", "dataset", "classes", "config")}
    older["config"] = {
        key: info["config"][key] for key in ("net", "init", "steps", "epochs", "images_per_class", "seed")
    }
    save_tensors(path, tensors, older)
    assert dd.load(path).digest == distilled.digest
    assert description(dd.load(path))["accuracy"] == "not told"
    for key, value, message in (
        ("format", "dd distilled set 2", "is of a newer version than 1; update this package"),
        ("format", "a pool", "not a distilled set"),
        ("classes", "0123456789", "classes: '0123456789' is not a list"),
        ("validation", {"accuracy": "high", "nets": 2}, "validation.accuracy: 'high' is not a number"),
    ):
        save_tensors(path, tensors, info | {key: value})
        with pytest.raises(UserError, match=message):
            dd.load(path)
    save_tensors(path, {key: tensors[key] for key in tensors if key != "lrs"}, info)
    with pytest.raises(UserError, match="has no tensor lrs"):
        dd.load(path)
    save_tensors(path, tensors | {"others": tensors["lrs"].clone()}, info)
    with pytest.raises(UserError, match="has a tensor others, which no set has"):
        dd.load(path)
    with pytest.raises(UserError, match=r"lrs of 1 epochs, but .* says 1 and 2; change one of them"):
        replace(distilled, lrs=distilled.lrs[:1]).save(path)


def test_audit_tells_of_nearness_membership_spread_and_confusion(request, distilled, digits, tmp_path):
    distilled.save(tmp_path / "set.safetensors")
    audit = ("audit", tmp_path / "set.safetensors", "--nets", 2)
    dd_command = request.getfixturevalue("dd")
    done = dd_command(*audit, "--data", digits, "--out", tmp_path / "audit.png")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == [
        *("nearest real image", "membership advantage", "accuracy over 2 net(s)")
    ]
    assert len(lines) == 6 + 10
    shares = [int(share) for share in lines[6].split()[2:]]
    assert sum(shares) == pytest.approx(100, abs=6)
    assert Image.open(tmp_path / "audit.png").size[0] > 500
    dd_command("data", "vary", "--data", digits, "--out", tmp_path / "inverted.npz", "--invert")
    done = dd_command(*audit, "--data", tmp_path / "inverted.npz")
    assert "is not the data that the set was distilled from" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_set_of_others_is_audited_on_as_few_images_as_it_was_made_from(digits):
    """It withheld none of them, and its settings do not say how many it would have watched progress on."""
    data = load(digits)
    few = replace(data, x_train=data.x_train[:120], y_train=data.y_train[:120])
    distilled = real_set(few)
    found = audit(distilled, few, RandomInitial(distilled.make, "default", 0), 1, protocol="dc")
    assert found.accuracy.shape == (1,)


def test_the_nearest_image_is_found_and_members_are_told_apart(distilled, digits):
    data = load(digits)
    rows = torch.tensor([5, 1203, 77])
    found = nearest_training_images(distilled.normalise(data.x_train[rows]) + 0.01, data, distilled)
    assert found.rows.tolist() == rows.tolist()
    torch.testing.assert_close(found.distances, torch.full((3,), 0.01), atol=1e-3, rtol=0.05)
    draw = torch.Generator().manual_seed(0)
    losses = torch.rand(2000, generator=draw)
    alike, apart = advantage(losses[:1000], losses[1000:]), advantage(losses[:1000] / 10, losses[1000:])
    assert alike.low < 0 < alike.high
    assert apart.low > 35  # of 45, as half of the members have less loss than their mean
    assert apart.low < apart.value < apart.high


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("results/laptop/distill/mnist_random/set.safetensors", "mnist_random"),
        ("results/published/beyond/distill/mnist_ten/set.safetensors", "mnist_ten"),
        ("distill/mine/set.safetensors", "set"),
        ("birds.safetensors", "birds"),
    ],
)
def test_a_set_has_the_name_of_its_experiment_or_file(path, name):
    assert set_name(Path(path)) == set_name(Path("/elsewhere", path)) == name
