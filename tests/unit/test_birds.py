"""Folders with a table of their images."""

import csv

import numpy as np
import pytest
from PIL import Image

from dd.data.image_folder import image_folder
from dd.data.obtain import prepare
from dd.data.prepared import load
from dd.runtime.errors import UserError

ROWS = [
    ("images/2.png", "sparrow", "train"),
    ("images/0.png", "gull", "train"),
    ("images/1.png", "sparrow", "test"),
    ("images/3.png", "gull", "test"),
]


@pytest.fixture
def folder(tmp_path):
    """Four images, all of pixel value 10 times their number, and a table of them."""

    def make(rows=tuple(ROWS)):
        root = tmp_path / "photos"
        (root / "images").mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (12, 8), (10 * number,) * 3).save(root / "images" / f"{number}.png")
        lines = ["file,class,split,remark", *(",".join((*row, "x")) for row in rows)]
        (root / "labels.csv").write_text("\n".join(lines) + "\n")
        return root

    return make


def test_a_table_says_class_and_split(folder):
    arrays, names, _ = image_folder(folder(), size=8)
    assert names == ["gull", "sparrow"]
    assert arrays["x_train"].shape == (2, 8, 8, 3)
    assert arrays["x_train"].max((1, 2, 3)).tolist() == [20, 0]
    assert arrays["y_train"].tolist() == [1, 0]
    assert arrays["x_test"].max((1, 2, 3)).tolist() == [10, 30]
    assert arrays["y_test"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("../outside.png", "gull", "train"), r"labels\.csv: row 6: \.\./outside\.png lies outside .*photos; move"),
        (("/etc/hostname", "gull", "train"), "row 6: /etc/hostname lies outside"),
        (("images/9.png", "gull", "train"), r"row 6: no file .*9\.png; correct"),
        (("images/0.png", "gull", "val"), "row 6 needs a file, a class, and train or test as its split"),
        (("images/0.png", "", "train"), "row 6 needs a file, a class"),
    ],
    ids=["parent", "absolute", "missing", "split", "class"],
)
def test_bad_rows_are_named(folder, tmp_path, row, message):
    root = folder([*ROWS, row])
    Image.new("RGB", (8, 8)).save(tmp_path / "outside.png")
    with pytest.raises(UserError, match=message):
        image_folder(root, size=8)


def test_bad_tables(folder):
    root = folder()
    (root / "labels.csv").write_bytes(b"file,class,split\n\xff\xfe,a,train\n")
    with pytest.raises(UserError, match=r"labels\.csv: cannot be read as a table"):
        image_folder(root, size=8)
    (root / "labels.csv").write_text("name,class\nimages/0.png,a\n")
    with pytest.raises(UserError, match="the first row lacks file; it must name file, class, split"):
        image_folder(root, size=8)
    (root / "labels.csv").write_text("file,class,split\nimages/0.png,a,train\n")
    with pytest.raises(UserError, match=r"labels\.csv: must have images of at least two classes, and has 1"):
        image_folder(root, size=8)


def test_ten_real_birds(mirror, tmp_path):
    info = prepare("birds10", tmp_path / "birds10.npz", mirror, size=32)
    data = load(tmp_path / "birds10.npz")
    assert data.image_shape == (3, 32, 32)
    assert info["classes"][0] == "Black footed Albatross"
    assert "unofficial split" in info["fidelity"]
    with (mirror / "cub10" / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    for split, y in (("train", data.y_train), ("test", data.y_test)):
        listed = [row for row in rows if row["split"] == split]
        assert y.tolist() == [int(row["label"]) for row in listed]
    last = Image.open(mirror / "cub10" / listed[-1]["file"]).convert("RGB")
    left, top = (side // 2 - 128 for side in last.size)
    middle = np.asarray(last)[top : top + 256, left : left + 256].mean((0, 1))
    np.testing.assert_allclose(data.x_test[-1].double().mean((1, 2)), middle, atol=2)


def test_birds_that_are_nowhere(tmp_path):
    for mirror in (None, tmp_path):
        with pytest.raises(UserError, match="birds10: cannot be downloaded; put a folder cub10"):
            prepare("birds10", tmp_path / "birds10.npz", mirror)


def test_datasets_with_a_size_of_their_own_are_not_scaled(tmp_path):
    with pytest.raises(UserError, match="digits has a size of its own; scale it with `python -m dd data vary`"):
        prepare("digits", tmp_path / "digits.npz", size=16)
