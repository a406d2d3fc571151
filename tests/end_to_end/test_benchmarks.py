"""Every script of benchmarks/ in miniature: on few, small tensors, for a round or a step."""

import importlib
import shutil
import sys

import pandas as pd
import pytest
import torch
import yaml

from dd.runtime.process_group import ProcessGroup
from dd.runtime.warm import ADDRESS
from tests.conftest import ROOT
from tests.warm import warm

SIZES = {"threads": 1, "steps": 2, "epochs": 1, "nets": 1, "batch": 16}
FOLDER = ROOT / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Imports a script by its name."""
    monkeypatch.syspath_prepend(FOLDER)
    before = set(sys.modules)
    yield importlib.import_module
    for name in {path.stem for path in FOLDER.glob("*.py")} & set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("name", [path.stem for path in FOLDER.glob("*.py")])
def test_each_has_a_test(name):
    tests = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    runs = (f'script("{name}")', f'FOLDER / "{name}.py"', f"benchmarks/{name}.py", f'run("{name}.py"')
    assert any(call in text for text in tests for call in runs)


def test_speed_and_memory_are_measured_and_written(script, worker_in_copy, tmp_path, monkeypatch):
    run = script("run")
    for name in ("README.md", "worker.py"):
        shutil.copy2(FOLDER / name, tmp_path)
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "TASKS", {"LeNet": "a small meta-step"})
    monkeypatch.setattr(run, "GD_STEPS", (60,))
    monkeypatch.setattr(run, "WARM", 1)
    monkeypatch.setattr(run, "Worker", lambda **options: worker_in_copy(**SIZES | options))
    monkeypatch.setattr(run, "METHODS", {"LeNet": ("ours", "processes", "full graph", "authors")})
    monkeypatch.setattr(sys, "argv", ["run.py", "--threads", "1", "--rounds", "1"])
    run.main()
    before, _, measured = (tmp_path / "README.md").read_text().partition("<!-- measured -->\n")
    assert (FOLDER / "README.md").read_text().startswith(before)
    rows = [line for line in measured.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[1] for row in rows[1:4]] == ["ours", "ours, a process a thread", "full graph"]
    assert rows[-1].startswith("| 60 | 56 | ")


@pytest.mark.parametrize("task", ["AlexCifarNet", "pool", "evaluate"])
def test_methods_compute_the_same(script, task, monkeypatch):
    """Those of the task that LeNet's meta-steps do not have."""
    worker = script("worker")
    monkeypatch.setattr(worker, "IMAGES", {"evaluate": 50, "pool": 64})
    sizes = {name: value for name, value in SIZES.items() if name != "threads"}
    ours = worker.ours(worker.Task(task, **sizes), ProcessGroup())()
    assert ours.isfinite().all()
    if task == "AlexCifarNet":
        whole = worker.full_graph(worker.Task(task, **sizes), ProcessGroup())()
        torch.testing.assert_close(ours, whole, rtol=0.01, atol=1e-6)
    assert worker.flops(worker.Task(task, **sizes)) > 0


def test_growth_of_the_workflow(script, monkeypatch):
    growth = script("growth")
    if not shutil.which("time"):
        pytest.skip("needs GNU time (Debian: time)")
    monkeypatch.setenv(ADDRESS, warm().address)
    monkeypatch.setattr(growth, "EXPERIMENTS", (1,))
    monkeypatch.setattr(growth, "RUN", 1)
    rows = growth.workflow()
    assert [row["sweep"] for row in rows] == ["experiments", "seconds a job"]
    table = pd.concat([pd.read_csv(FOLDER / "growth.csv"), pd.DataFrame(rows)])
    assert len(growth.draw(table).axes) == 2 * (len(growth.SWEEPS) + 1)


def test_large_networks(script, monkeypatch):
    alexnet = script("alexnet")
    monkeypatch.setattr(alexnet, "CLASSES", {"EfficientNetLite0": 2})
    row = alexnet.measure("EfficientNetLite0", 2)
    assert row.startswith("| EfficientNetLite0, 2 classes, 3.4 M weights | 51 | ")
    assert len(row.split(" | ")) == 6


def test_windows(script, monkeypatch, capsys):
    window = script("window")
    monkeypatch.setattr(window, "WARM", 1)
    monkeypatch.setattr(window, "LONG", {"steps": 2, "epochs": 2, "window": 1})
    monkeypatch.setattr(window, "PAPER", {"steps": 2, "epochs": 1})
    monkeypatch.setattr(sys, "argv", ["window.py", "--rounds", "1", "--batch", "16"])
    window.main()
    assert "times as long" in capsys.readouterr().out


def test_pools(script, monkeypatch, capsys):
    words = ["--threads", "1", "--nets", "1", "--batch", "8", "--steps", "1", "--rounds", "2"]
    monkeypatch.setattr(sys, "argv", ["pool.py", *words])
    script("pool").main()
    assert "times as fast" in capsys.readouterr().out


def test_the_cost_of_the_papers_scale_is_what_the_page_says(script, capsys):
    script("cost").main()
    assert capsys.readouterr().out in (FOLDER / "README.md").read_text()


def test_settings_beyond_the_paper(script, digits, tmp_path, monkeypatch, capsys):
    beyond = script("beyond")
    for folder in ("results/data", "benchmarks", "workflow/scales"):
        (tmp_path / folder).mkdir(parents=True)
    for path in (digits, digits.with_suffix(".json")):
        shutil.copy2(path, tmp_path / "results/data")
    shutil.copy2(ROOT / "workflow/scales/laptop.yaml", tmp_path / "workflow/scales")
    short = {"nets": 1, "meta_steps": 1, "real_batch": 32, "validation_images": 50, "validation_nets": 1}
    variants = {"all": {"dataset": "digits"}, "short": short, "plain": {}}
    (tmp_path / "benchmarks/beyond.yaml").write_text(yaml.dump(variants, sort_keys=False))
    monkeypatch.setattr(beyond, "ROOT", tmp_path)
    monkeypatch.setattr(beyond, "NETS", 1)
    monkeypatch.setattr(sys, "argv", ["beyond.py", "plain"])
    beyond.main()
    assert "| plain | " in capsys.readouterr().out
    assert list(pd.read_csv(tmp_path / "results/beyond/short/accuracy.csv")["way"]) == list(beyond.WAYS)


def test_the_picture_of_the_recipe(script, tmp_path, monkeypatch):
    accuracy = script("accuracy")
    (tmp_path / "docs").mkdir()
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.setattr(accuracy, "ROOT", tmp_path)
    accuracy.main()
    assert (tmp_path / "docs/recipe.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_meta_steps_on_a_gpu(script, monkeypatch, capsys):
    gpu = script("gpu")
    monkeypatch.setattr(gpu, "SECONDS", 0.1)
    gpu.main()
    assert capsys.readouterr().out.count("LeNet") == 2
