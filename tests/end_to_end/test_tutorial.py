"""docs/tutorial.md, word for word, in a checkout of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

from dd.runtime.warm import ADDRESS
from tests.conftest import ROOT
from tests.warm import warm

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def test_the_tutorial_works(tmp_path):
    """Files are what their first line names; commands run in order, each of which must succeed."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "results", "work", "published")
    shutil.copytree(ROOT, tmp_path / "checkout", ignore=ignored)
    checkout = tmp_path / "checkout"
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment[ADDRESS] = warm().address
    environment.pop("DD_DATA_MIRROR", None)
    output = ""
    for language, text in BLOCK.findall((ROOT / "docs/tutorial.md").read_text()):
        if language != "sh":
            (checkout / re.match(r"# (\S+)\n", text)[1]).write_text(text)
            continue
        done = subprocess.run(
            ["bash", "-ec", text], cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        output += done.stdout
    accuracy = pd.read_csv(checkout / "results/mine/evaluate/my_experiment.csv").groupby("stage")["accuracy"].mean()
    assert accuracy["before"] < 40 < 75 < accuracy["after"]
    # one new random network each: of twenty, measured once, 84.6 to 92.7 %, and losses of 0.05 to 0.24
    assert float(re.search(r"([\d.]+) % of \d+ pictures", output)[1]) > 65
    assert float(re.search(r"loss ([\d.]+) at the last step", output)[1]) < 1
    assert (checkout / "my_images.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((checkout / "my_set").rglob("*.png"))) == 18
    assert "MLP" in (checkout / "carried.md").read_text()
