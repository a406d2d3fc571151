"""The table of sets beyond the paper, from what `dd distill` and `dd evaluate` write."""

import pandas as pd
import pytest

from dd.report.tables.beyond import FIELD, beyond_table
from tests.conftest import ROOT

ROWS = {
    "dataset": "mnist",
    "source": "",
    "net": "LeNet",
    "init": "random",
    "steps": 10,
    "epochs": 30,
    "test_images": 1000,
}


def measured(folder, name, *accuracies, images=100, beyond="window 60", seconds=1800.0):
    """Two CSVs as the commands write them, in the folders of a run."""
    common = {"kind": "evaluation"} | ROWS | {"distilled_images": images, "beyond": beyond}
    rows = [
        common | {"held_out_net": index, "stage": stage, "accuracy": value if stage == "after" else 10.0}
        for index, value in enumerate(accuracies)
        for stage in ("before", "after")
    ]
    metrics = folder / "evaluate" / f"{name}.csv"
    metrics.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(metrics, index=False)
    history = folder / f"{name}_history.csv"
    told = {"loss": 1.0, "grad_norm": 1.0, "meta_lr": 0.02, "mean_distill_lr": 0.02, "accuracy_std": 1.0, "nets": 4}
    history_rows = [
        {"kind": "history", "meta_step": step, "accuracy": 90.0, "seconds": step * seconds / 100} | told
        for step in (0, 50, 100)
    ]
    pd.DataFrame(history_rows).to_csv(history, index=False)
    return metrics, history


@pytest.fixture
def files(tmp_path):
    pairs = [
        measured(tmp_path, "long", 92.0, 94.0, 93.0),
        measured(tmp_path, "one_each", 88.0, images=10, beyond=None, seconds=90),
    ]
    return [list(paths) for paths in zip(*pairs, strict=True)]


def test_each_set_has_its_accuracy_cost_and_least_net(files):
    table = beyond_table(*files).set_index("set")
    assert table.loc["long", ["accuracy", "std", "least", "nets", "minutes"]].tolist() == [93.0, 1.0, 92.0, 3, 30.0]
    assert table.loc["one_each", ["accuracy", "least", "nets", "minutes"]].tolist() == [88.0, 88.0, 1, 1.5]
    assert table["beyond"].tolist() == ["window 60", ""]


def test_the_command_writes_it_beside_the_fields_numbers(files, dd, tmp_path):
    words = [word for pair in zip(*files, strict=True) for word in ("--metrics", pair[0], "--history", pair[1])]
    out = [tmp_path / f"beyond.{ending}" for ending in ("csv", "md", "html")]
    done = dd("beyond", *words, *(word for path in out for word in ("--out", path)))
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(out[0])["accuracy"].tolist() == [93.0, 88.0]
    for text in (out[1].read_text(), out[2].read_text()):
        assert "93.0 ± 1.0" in text
        told = [number for number in FIELD if f"{number.accuracy:.1f} ± {number.std:.1f}" in text]
        assert {(number.dataset, number.images) for number in told} == {("mnist", 10), ("mnist", 100)}


def test_one_history_for_each_evaluation(files, dd, tmp_path):
    done = dd(
        "beyond",
        "--metrics",
        files[0][0],
        "--metrics",
        files[0][1],
        "--history",
        files[1][0],
        "--out",
        tmp_path / "t.md",
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("--history: 1, but 2 of --metrics; give one for each, in one order")
    assert not (tmp_path / "t.md").exists()


def test_the_pages_tell_what_was_published():
    folder = ROOT / "results/published/beyond"
    page = (ROOT / "docs/beyond.md").read_text()
    for path in sorted(folder.glob("evaluate/*.csv")):
        accuracy = pd.read_csv(path).query("stage == 'after'")["accuracy"]
        told = f"{accuracy.mean():.1f} ± {accuracy.std():.1f}"
        row = next(line for line in page.splitlines() if line.startswith(f"| `{path.stem}`: "))
        assert [cell.strip(" *") for cell in row.split("|")[-3:-1]] == [told, f"{accuracy.min():.1f}"]
    for name in ("length", "dc", "ten_dc"):
        for row in pd.read_csv(folder / f"judge/{name}.csv").itertuples():
            told = f"{row.accuracy:.1f} ± {row.accuracy_std:.1f} %"
            assert told in page.replace("**", "")
            assert (name, row.set) != ("length", "mnist_order_free_long") or told in (ROOT / "README.md").read_text()
