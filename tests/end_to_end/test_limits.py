"""Too little memory, and data that are no numbers: one clear line."""

import json
import resource
import subprocess
import sys

import pytest

from dd.data.prepared import load
from dd.runtime.errors import UserError
from tests.conftest import ROOT, TINY_DISTILL

MEMORY = """
import resource, sys
import torch, pandas, sklearn.model_selection
import dd.distill.experiment, dd.distill.run, dd.pools.train, dd.baselines.grid
from dd.commands.main import main

pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 150 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
main()
"""
"""The command with 150 MiB more than it has once all is loaded."""
COMMANDS = {
    "distill": ["distill", "--history=h.csv", *TINY_DISTILL, "--images-per-class=1000", "--meta-steps=2"],
    "pool train": ["pool", "train", "--total=400", "--nets=400", "--epochs=1", "--batch=1000"],
}


@pytest.mark.skipif(sys.platform != "linux", reason="limits address space as Linux does")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_memory_limit_is_one_clear_line(digits, tmp_path, command):
    words = [sys.executable, "-c", MEMORY, *COMMANDS[command], f"--data={digits}", "--out=out.safetensors"]
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert (
        done.stderr.splitlines()[-1]
        == "error: out of memory (cpu); use smaller batches or fewer nets, or give the job more"
    )
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.skipif(sys.platform != "linux", reason="limits address space as Linux does")
def test_too_little_memory_for_pytorch_itself_is_one_clear_line(dd, digits, tmp_path):
    limit = 10**9

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    arguments = ("distill", "--data", digits, "--out", tmp_path / "x.safetensors", "--history", tmp_path / "h.csv")
    done = dd(*arguments, preexec_fn=limited)
    assert done.returncode == 1
    assert done.stderr.startswith("error: out of memory (")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("changes", [{"mean": [float("nan")]}, {"std": [float("inf")]}, {"std": [0.0]}], ids=str)
def test_data_that_are_no_numbers_are_refused(digits, tmp_path, changes):
    copy = tmp_path / "digits.npz"
    copy.write_bytes(digits.read_bytes())
    info = json.loads(digits.with_suffix(".json").read_text())
    copy.with_suffix(".json").write_text(json.dumps(info | changes))
    with pytest.raises(UserError, match=r"digits\.json: not the metadata of a dataset .*; prepare it again"):
        load(copy)
