"""The comparison of two versions' results: equal ones pass, and every kind of difference is found."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from dd.runtime.files import save_tensors
from tools.same_results import main


@pytest.fixture
def folders(tmp_path):
    """Two folders with the same set, table and arrays."""
    old, new = tmp_path / "old", tmp_path / "new"
    save_tensors(old / "distill/set.safetensors", {"images": torch.ones(2, 3)}, {"config": {"steps": 3}})
    (old / "logs").mkdir()
    pd.DataFrame({"net": ["a", "b"], "accuracy": [1.5, 2.5], "seconds": [1, 2]}).to_csv(old / "table.csv", index=False)
    pd.DataFrame({"started": [1]}).to_csv(old / "logs/times.csv", index=False)
    np.savez(old / "data.npz", x=np.arange(3), info="text")
    shutil.copytree(old, new)
    return old, new


def compare(folders):
    return CliRunner().invoke(main, list(map(str, folders)))


def rewrite(path, **columns):
    table = pd.read_csv(path)
    table.assign(**columns).to_csv(path, index=False)


def test_equal_results_pass_whatever_the_times(folders):
    rewrite(folders[1] / "table.csv", seconds=[7, 8])
    rewrite(folders[1] / "logs/times.csv", started=[2])
    done = compare(folders)
    assert (done.exit_code, done.stdout) == (0, "the same: 3 files\n")


def test_what_is_new_or_renamed_is_listed_and_passes(folders):
    table = pd.read_csv(folders[1] / "table.csv").rename(columns={"accuracy": "percent"}).assign(kind="evaluation")
    table.to_csv(folders[1] / "table.csv", index=False)
    save_tensors(folders[1] / "distill/set.safetensors", {"images": torch.ones(2, 3)}, {"config": {"steps": 4}})
    save_tensors(folders[1] / "distill/more.safetensors", {"images": torch.ones(1)}, {})
    done = compare(folders)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "distill/more.safetensors: new",
        "distill/set.safetensors: metadata config.steps: was 3, is 4",
        "table.csv: column accuracy is now called percent",
        "table.csv: column kind was added",
        "the same: 3 files",
    ]


def one_bit(new):
    save_tensors(new / "distill/set.safetensors", {"images": torch.ones(2, 3).nextafter(torch.tensor(2.0))}, {})


def negative_zero(new):
    np.savez(new / "data.npz", x=np.array([-0.0, 1, 2]), info="text")


def a_value(new):
    rewrite(new / "table.csv", accuracy=[1.5, 2.5000001])


def a_column(new):
    pd.read_csv(new / "table.csv").drop(columns="net").to_csv(new / "table.csv", index=False)


def a_row(new):
    pd.read_csv(new / "table.csv").iloc[:1].to_csv(new / "table.csv", index=False)


def a_tensor(new):
    save_tensors(new / "distill/set.safetensors", {"pictures": torch.ones(2, 3)}, {})


def a_file(new):
    (new / "data.npz").unlink()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (one_bit, "set.safetensors: tensor images: 100.0% of its values differ"),
        (negative_zero, "data.npz: tensor x: int64 [3] before, float64 [3] now"),
        (a_value, "table.csv: column accuracy: other values"),
        (a_column, "table.csv: column net: missing"),
        (a_row, "table.csv: 2 rows before, 1 now"),
        (a_tensor, "set.safetensors: tensor images: only before"),
        (a_file, "data.npz: missing in"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_differences_are_found(folders, change, named):
    change(folders[1])
    done = compare(folders)
    assert done.exit_code == 1
    assert f"DIFFERENT {named}" in done.stderr.replace("DIFFERENT distill/", "DIFFERENT ")


def test_an_empty_folder_is_a_mistake(tmp_path, folders):
    (tmp_path / "empty").mkdir()
    done = compare((tmp_path / "empty", folders[1]))
    assert done.exit_code == 2
    assert "no .csv, .npz or .safetensors here" in done.stderr
