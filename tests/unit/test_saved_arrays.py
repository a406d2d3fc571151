"""Arrays of a user: saved as documented, or refused in one line with nothing left behind."""

import numpy as np
import pytest
import torch

from dd.data.prepared import check, load, save
from dd.runtime.errors import UserError


def two_classes():
    images, labels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8), np.array([0, 1, 0, 1], np.uint8)
    return {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": labels[:2]}


@pytest.mark.parametrize(
    ("out", "classes", "message"),
    [
        ("noending", ["a", "b"], "noending: the file to write must end in .npz"),
        ("n.npz", np.unique([0, 1]), "class 0 is called .*0.*; its name must be a text"),
        ("n.npz", ["a", " "], "class 1 is called ' '"),
        ("n.npz", ["a", "a"], "two classes are called 'a'"),
    ],
)
def test_what_cannot_be_saved_leaves_nothing(tmp_path, out, classes, message):
    with pytest.raises(UserError, match=message):
        save(tmp_path / out, "mine", two_classes(), classes, source="s", fidelity="f")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("classes", ["ab", 2, None, {"a": 0, "b": 1}, {"a", "b"}])
def test_what_is_no_list_of_classes_is_refused(tmp_path, classes):
    with pytest.raises(UserError, match=r"mine: classes is .*; it must be a list of names"):
        save(tmp_path / "n.npz", "mine", two_classes(), classes, source="s", fidelity="f")


@pytest.mark.parametrize("key", ["name", "source", "fidelity", "made"])
def test_what_is_no_text_in_metadata_is_refused(tmp_path, key):
    texts = {"name": "mine", "source": "s", "fidelity": "f", key: tmp_path}
    with pytest.raises(UserError, match=rf"{key} is .*; it must be a text"):
        save(tmp_path / "n.npz", arrays=two_classes(), classes=["a", "b"], **texts)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [None, [0, 1], torch.zeros(4, dtype=torch.uint8)])
def test_arrays_of_no_numpy_are_refused(tmp_path, value):
    with pytest.raises(UserError, match=r"mine: y_train must be there as a NumPy array; use np.asarray, or .numpy"):
        save(tmp_path / "n.npz", "mine", {**two_classes(), "y_train": value}, ["a", "b"], source="s", fidelity="f")


def test_images_without_pixels_are_refused():
    empty = {"x_train": np.zeros((4, 0, 0), np.uint8), "x_test": np.zeros((2, 0, 0), np.uint8)}
    with pytest.raises(UserError, match=r"mine: x_train is \[4, 0, 0\]"):
        check({**two_classes(), **empty}, 2, "mine")


def test_a_path_may_be_text(tmp_path):
    save(f"{tmp_path}/mine.npz", "mine", two_classes(), ["a", "b"], source="s", fidelity="f")
    assert load(f"{tmp_path}/mine.npz").classes == ["a", "b"]
