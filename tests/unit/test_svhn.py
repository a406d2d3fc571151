"""Tiny files in SVHN's official layout."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy.io import savemat

from dd import load
from dd.adaptation import fada_training
from dd.adaptation.fada_training import FadaConfig
from dd.commands.main import main
from dd.data.datasets import DATASETS
from dd.data.datasets.svhn import svhn
from dd.data.obtain import prepare
from dd.data.prepared import save
from dd.nets import take_same_weights
from dd.nets.lenet import LeNet
from dd.runtime.errors import UserError


@pytest.fixture
def mats(tmp_path):
    """SVHN's two files; `changes` replace the contents of train_32x32.mat."""

    def make(**changes):
        x = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 11), np.uint8)
        y = np.array([10, *range(1, 11)], np.uint8)[:, np.newaxis]
        paths = [tmp_path / "train_32x32.mat", tmp_path / "test_32x32.mat"]
        savemat(paths[0], {k: v for k, v in ({"X": x, "y": y} | changes).items() if v is not None}, do_compression=True)
        savemat(paths[1], {"X": x[..., ::-1], "y": y[::-1]})
        return paths, x

    return make


def test_svhn_from_its_mat_files(mats):
    paths, x = mats()
    arrays, classes = svhn(*paths)
    assert classes == list("0123456789")
    assert arrays["y_train"].tolist() == [0, *range(1, 10), 0]
    assert arrays["y_train"].dtype == np.uint8
    for index in (0, 7):
        np.testing.assert_array_equal(arrays["x_train"][index], x[..., index])
        np.testing.assert_array_equal(arrays["x_test"][10 - index], x[..., index])


@pytest.mark.parametrize(
    "changes",
    [
        {"y": None},
        {"y": np.full((11, 1), 11, np.uint8)},
        {"y": np.zeros((11, 1), np.uint8)},
        {"y": np.ones((10, 1), np.uint8)},
        {"X": np.zeros((32, 32, 3, 11))},
        {"X": np.zeros((11, 32, 32, 3), np.uint8)},
        {"X": "text"},
    ],
    ids=["no labels", "label 11", "label 0", "lengths", "dtype", "layout", "text"],
)
def test_other_mat_files_are_refused(mats, changes):
    with pytest.raises(UserError, match=r"train_32x32\.mat: truncated or not SVHN's \.mat"):
        svhn(*mats(**changes)[0])


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.99])
def test_truncated_mat_files_are_refused(mats, share):
    paths, _ = mats()
    content = paths[0].read_bytes()
    paths[0].write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"train_32x32\.mat: truncated or not SVHN's"):
        svhn(*paths)


def test_lenets_trained_on_svhn_learn_digits_of_28_pixels(mats, dd, digits, tmp_path, monkeypatch):
    """From SVHN's files to Table 2's rows, in miniature; the digits are never resized."""
    short = FadaConfig(warm_up=2, steps=2)
    x = np.random.default_rng(1).integers(0, 256, (32, 32, 3, 200), np.uint8)
    paths, _ = mats(X=x, y=np.arange(200, dtype=np.uint8)[:, np.newaxis] % 10 + 1)
    arrays, classes = svhn(*paths)
    save(tmp_path / "svhn.npz", "svhn", arrays, classes, source="a test", fidelity="none")

    def run(*words):
        done = dd(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("data", "vary", "--data", digits, "--out", tmp_path / "rgb.npz", "--channels", 3)
    for part, nets in (("train", 2), ("held-out", 1)):
        which = ("--part", part, "--first", 0, "--nets", nets, "--total", nets, "--epochs", 1, "--batch", 5)
        out = tmp_path / f"pool/{part}-0.safetensors"
        run("pool", "train", "--data", tmp_path / "svhn.npz", "--out", out, "--net", "LeNet", *which)
    pool = ("--pool", tmp_path / "pool", "--data", tmp_path / "rgb.npz")
    made = tmp_path / "set.safetensors"
    length = ("--steps", 2, "--epochs", 1, "--nets", 1, "--meta-steps", 1, "--real-batch", 50, "--validation-nets", 1)
    init = ("--init", "fixed_pretrained", "--out", made, "--history", tmp_path / "history.csv")
    run("distill", *pool, *init, *length, "--validation-images", 50)
    assert load(made).images.shape == (2, 10, 3, 28, 28)
    assert "before: " in run("evaluate", "--set", made, *pool, "--out", tmp_path / "accuracy.csv")
    fada = ("adapt", "fada", "--set", made, *pool, "--nets", 1, "--out", tmp_path / "fada.csv")
    done = dd(*fada, "--source", tmp_path / "rgb.npz")
    assert done.stderr == "error: --source: is rgb, but these nets were trained on svhn; give that\n"
    monkeypatch.setattr(fada_training, "FadaConfig", lambda: short)
    done = CliRunner().invoke(main, [*map(str, fada), "--source", str(tmp_path / "svhn.npz")])
    assert "fada: " in done.stdout, done.stderr


def test_lenet_pads_smaller_images_by_zeros():
    torch.manual_seed(0)
    small, large = LeNet(channels=3, size=28), LeNet(channels=3, size=32)
    large.load_state_dict(small.state_dict())
    x = torch.randn(4, 3, 28, 28)
    torch.testing.assert_close(small(x), large(torch.nn.functional.pad(x, [2] * 4)))
    assert take_same_weights("LeNet", 32, 28)
    assert not take_same_weights("MLP", 32, 28)
    assert not take_same_weights("own:LeNet", 32, 28)


def test_from_files_in_a_mirror_to_a_dataset(mats, tmp_path, monkeypatch):
    paths, _ = mats()
    md5 = {path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in paths}
    files = {f"http://127.0.0.1:1/{name}": digest for name, digest in md5.items()}
    monkeypatch.setitem(DATASETS, "svhn", replace(DATASETS["svhn"], files=files))
    info = prepare("svhn", tmp_path / "svhn.npz", tmp_path)
    assert (info["train"], info["image"]) == (11, [32, 32, 3])
    assert info["source"] == "official files with their MD5: train_32x32.mat, test_32x32.mat"
    assert json.loads((tmp_path / "svhn.json").read_text()) == info
