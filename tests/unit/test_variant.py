import json

import numpy as np
import pytest

from dd.data.prepared import load, read, save
from dd.data.variants import vary
from dd.runtime.errors import UserError

CLASSES = ("a", "b")


@pytest.fixture
def stored(tmp_path):
    """A prepared dataset of these images, the same to train and to test."""

    def make(x):
        y = np.arange(len(x), dtype=np.uint8) % 2
        arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": 1 - y}
        save(tmp_path / "own.npz", "own", arrays, CLASSES, source="a test", fidelity="made up")
        return tmp_path / "own.npz"

    return make


@pytest.fixture
def original(stored):
    """A prepared dataset of four random 6x6 images, and those."""

    def make(*channels):
        x = np.random.default_rng(0).integers(0, 256, (4, 6, 6, *channels), np.uint8)
        return stored(x), x

    return make


@pytest.fixture
def varied(tmp_path):
    def make(data, **changes):
        vary(data, tmp_path / "new.npz", **changes)
        return read(tmp_path / "new.npz")[0]

    return make


@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "RGB"])
def test_the_size_it_has_changes_nothing(original, varied, channels):
    data, x = original(*channels)
    for made in (varied(data), varied(data, size=6, channels=3 if channels else 1)):
        np.testing.assert_array_equal(made["x_train"], x)
        np.testing.assert_array_equal(made["x_test"], x)


def test_gray_is_repeated_in_three_channels(original, varied):
    data, x = original()
    np.testing.assert_array_equal(varied(data, channels=3)["x_test"], np.stack([x, x, x], axis=3))


def test_colour_becomes_luminance(original, varied):
    data, x = original(3)
    np.testing.assert_allclose(varied(data, channels=1)["x_train"], x @ [0.299, 0.587, 0.114], atol=0.51)


def test_a_flat_image_keeps_its_value_at_any_size(stored, varied):
    made = varied(stored(np.full((2, 6, 6), 77, np.uint8)), size=9)
    np.testing.assert_array_equal(made["x_train"], np.full((2, 9, 9), 77))


def test_scaling_follows_a_ramp(stored, varied):
    """Bicubic scaling keeps a ramp away from the edges: pixel i of 16 lies at (i + 0.5) / 2 - 0.5 of 8."""
    ramp = np.tile(np.arange(8, dtype=np.uint8) * 20, (2, 8, 1))
    made = varied(stored(ramp), size=16)["x_train"]
    expected = ((np.arange(16) + 0.5) / 2 - 0.5) * 20
    np.testing.assert_allclose(made[0, 8, 4:12], expected[4:12], atol=0.51)


def test_a_margin_is_black_and_what_is_inside_is_scaled(stored, varied):
    made = varied(stored(np.full((2, 6, 6), 77, np.uint8)), size=9, margin=2)["x_train"]
    np.testing.assert_array_equal(made[:, 2:-2, 2:-2], np.full((2, 5, 5), 77))
    assert made.sum() == 2 * 25 * 77
    with pytest.raises(UserError, match="margin: 3 leaves nothing of 6 pixels"):
        varied(stored(made), size=6, margin=3)


def test_a_new_split_has_every_image_once(stored, varied):
    x = np.broadcast_to(np.arange(30, dtype=np.uint8).reshape(-1, 1, 1), (30, 6, 6))
    data = stored(x.copy())  # the same 30 to train and to test
    made = varied(data, test_images=20, seed=1)
    assert (len(made["x_train"]), len(made["x_test"])) == (40, 20)
    values = np.concatenate([made["x_train"], made["x_test"]])[:, 0, 0]
    np.testing.assert_array_equal(np.sort(values), np.repeat(np.arange(30), 2))
    labels = np.concatenate([made["y_train"], made["y_test"]])
    assert (np.bincount(values, labels, 30) == 1).all()  # one of the two copies has label 1: labels went with images
    np.testing.assert_array_equal(varied(data, test_images=20, seed=1)["x_test"], made["x_test"])
    assert (varied(data, test_images=20, seed=2)["x_test"] != made["x_test"]).any()
    with pytest.raises(UserError, match="test_images: 60 leaves none of 60 images"):
        varied(data, test_images=60)


def test_inverting_twice_gives_the_original(original, varied, tmp_path):
    data, x = original()
    np.testing.assert_array_equal(varied(data, invert=True)["x_train"], 255 - x)
    vary(tmp_path / "new.npz", tmp_path / "back.npz", invert=True)
    np.testing.assert_array_equal(read(tmp_path / "back.npz")[0]["x_train"], x)


def test_noise_has_mean_zero_and_the_given_share_of_the_range_as_std(stored, varied):
    data = stored(np.full((40, 32, 32), 128, np.uint8))
    made = varied(data, noise=0.1)
    for split in ("x_train", "x_test"):
        noise = made[split].astype(float) - 128
        assert noise.std() == pytest.approx(25.5, rel=0.02)
        assert abs(noise.mean()) < 4 * 25.5 / noise.size**0.5
    assert (made["x_train"] != made["x_test"]).mean() > 0.9
    loud = varied(data, noise=2.0)["x_train"]
    assert (loud == 0).mean() == pytest.approx((loud == 255).mean(), abs=0.02)
    assert np.isin(loud, (0, 255)).mean() == pytest.approx(0.80, abs=0.02)  # beyond a quarter of a standard deviation


def test_noise_comes_from_the_seed(original, varied):
    data, _ = original()
    first, again, other = (varied(data, noise=0.2, seed=seed)["x_train"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9


@pytest.mark.parametrize(("changes", "same"), [({"size": 4}, True), ({"noise": 0.1}, False), ({"invert": True}, False)])
def test_only_the_same_images_are_of_their_dataset(original, tmp_path, changes, same):
    data, _ = original()
    assert vary(data, tmp_path / "varied.npz", **changes).get("of") == ("own" if same else None)


def test_labels_and_metadata(original, tmp_path):
    data, _ = original()
    info = vary(data, tmp_path / "small.npz", size=4, channels=3, invert=True, noise=0.25, seed=3)
    made = load(tmp_path / "small.npz")
    assert made.y_train.tolist() == [0, 1, 0, 1]
    assert made.y_test.tolist() == [1, 0, 1, 0]
    assert (info["name"], info["fidelity"]) == ("small", "made from own: made up")
    assert info["source"] == "variant of own: 4x4 pixels, RGB, inverted, noise 0.25 (seed 3); own: a test"
    assert made.classes == list(CLASSES)
    floats = made.x_train.double() / 255
    assert info["mean"] == pytest.approx(floats.mean((0, 2, 3)).tolist())
    assert info["std"] == pytest.approx(floats.std((0, 2, 3), correction=0).tolist())


def test_the_original_is_not_overwritten(original, tmp_path):
    data, _ = original()
    content = data.read_bytes()
    with pytest.raises(UserError, match="would overwrite the dataset it is made from"):
        vary(data, tmp_path / "." / "own.npz", invert=True)
    with pytest.raises(UserError, match=r"must end in \.npz"):
        vary(data, tmp_path / "new", invert=True)
    data.with_suffix(".json").write_text(json.dumps({"name": "own"}))
    with pytest.raises(UserError, match="not the metadata of a dataset"):
        vary(data, tmp_path / "new.npz")
    assert data.read_bytes() == content
    assert not (tmp_path / "new.npz").exists()


def test_the_command(dd, original, tmp_path):
    data, _ = original()
    done = dd("data", "vary", "--data", data, "--out", tmp_path / "rgb.npz", "--channels", 3, "--size", 8, "--invert")
    assert done.returncode == 0, done.stderr
    assert "rgb.npz: 4 training and 4 test images, 2 classes" in done.stdout
    assert read(tmp_path / "rgb.npz")[0]["x_train"].shape == (4, 8, 8, 3)
    done = dd("data", "vary", "--data", tmp_path / "no.npz", "--out", tmp_path / "new.npz")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'no.npz'}: no such file; prepare it again")
