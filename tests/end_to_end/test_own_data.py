"""Images of other sizes and colours, any number of unequal classes: from a folder to accuracies on several nets."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import TINY_DISTILL


@pytest.mark.parametrize(
    ("counts", "size", "gray", "net"),
    [
        ([40, 25], 12, True, "tests.conftest:Normed"),
        ([9, 60, 30, 14, 5], 20, False, "AlexCifarNet"),
        ([12] * 23, 28, False, "LeNet"),
        ([40, 8, 30], 9, False, "ConvNet3"),
    ],
    ids=["two gray classes", "five unequal classes in colour", "23 classes", "odd size"],
)
def test_any_folder_of_images(dd, tmp_path, counts, size, gray, net):
    random = np.random.default_rng(0)
    for label, count in enumerate(counts):
        (tmp_path / f"pictures/class {label:02}").mkdir(parents=True)
        for number in range(count):
            height, width = random.integers(size // 2, 3 * size, size=2)
            noise = random.integers(0, 100, size=(height, width, 3)) + 6 * label
            file = tmp_path / f"pictures/class {label:02}/{number}.{'png' if number % 2 else 'jpg'}"
            Image.fromarray(noise.astype(np.uint8)).convert("L" if number % 3 else "RGB").save(file)
    data, out = tmp_path / "own.npz", tmp_path / "set.safetensors"
    prepare = ("data", "prepare", "own", "--folder", tmp_path / "pictures", "--size", size, *["--gray"] * gray)
    done = dd(*prepare, "--out", data)
    assert f"{len(counts)} classes" in done.stdout, done.stderr
    made = ("--out", out, "--history", tmp_path / "history.csv", "--meta-steps", 2)
    few = (*TINY_DISTILL, "--real-batch=16", "--validation-images=10", f"--net={net}")
    done = dd("distill", "--data", data, *made, *few)
    assert done.returncode == 0, done.stderr
    assert ("BatchNorm2d uses stored statistics" in done.stderr) == net.endswith(":Normed")
    which = ("--net", net, "--net", "MLP", "--protocol", "native", "--nets", 1)
    done = dd("evaluate", "--set", out, "--data", data, *which, "--out", tmp_path / "accuracy.csv")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "accuracy.csv")
    assert set(table["net"]) == {net, "MLP"}
    assert table["accuracy"].between(0, 100).all()
    assert set(table["test_images"]) == {pd.read_json(data.with_suffix(".json"), typ="series")["test"]}
