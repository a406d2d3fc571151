"""The examples: a notebook whose cells run, a page whose programs run, and Algorithm 1 in plain PyTorch."""

import json
import re
import runpy

import matplotlib.figure
import pytest
import torch

import dd
from dd.distill.distilled_data import DistilledData
from dd.distill.loss import classification
from dd.distill.unroll import meta_gradient
from dd.nets.stacked import StackedNet
from tests.conftest import ROOT
from tests.warm import run_python

PROGRAMS = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL))


def test_the_cells_of_the_notebook_run():
    cells = json.loads((ROOT / "examples/five_lines.ipynb").read_text())["cells"]
    session = {"__name__": "__main__"}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "kept without outputs"
            exec("".join(cell["source"]), session)  # noqa: S102
    means = session["table"].groupby("stage")["accuracy"].mean()
    assert means["after"] > means["before"] + 20
    assert isinstance(session["distilled"], dd.DistilledSet)
    assert isinstance(session["distilled"].plot(), matplotlib.figure.Figure)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_the_page_run(name, tmp_path):
    program = tmp_path / f"{name}.py"
    program.write_text(PROGRAMS[name])
    done = run_python(program, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    means = dict(re.findall(r"^(before|after) +([\d.]+)$", done.stdout, re.MULTILINE))
    assert float(means["after"]) > float(means["before"]) + 10, done.stdout


def test_the_minimal_example_is_what_the_engine_computes():
    minimal = runpy.run_path(str(ROOT / "examples/minimal.py"))
    torch.manual_seed(0)
    net = minimal["make_net"](64).double()
    theta = minimal["flat"](net)
    images, real_x = torch.randn(2, 10, 1, 8, 8).double(), torch.randn(30, 1, 8, 8).double()
    labels, real_y = torch.arange(10).expand(2, -1), torch.arange(30) % 10
    lrs = torch.tensor([[0.1, 0.2], [0.3, 0.05], [0.2, 0.1]]).double()
    loss, d_images, d_lrs = minimal["meta_gradient"](net, theta, images, labels, lrs, real_x, real_y)
    data = DistilledData(images, labels, lrs)
    engine = meta_gradient(classification(StackedNet(net)), theta.unsqueeze(0), data, real_x, real_y)
    torch.testing.assert_close(loss, engine.losses[0])
    torch.testing.assert_close(d_images, engine.gradient.images)
    torch.testing.assert_close(d_lrs, engine.gradient.lrs)


@pytest.mark.parametrize("name", ["mnist", None])
def test_the_minimal_example_learns_digits(name, request, capsys):
    path = str(request.getfixturevalue("mirror") / "mnist.npz") if name else None
    main = runpy.run_path(str(ROOT / "examples/minimal.py"))["main"]
    main.__globals__["META_STEPS"] = 50
    main(path)
    out = capsys.readouterr().out
    assert out.startswith("meta-step 50: loss ")
    assert float(re.search(r"images: ([\d.]+) % of", out)[1]) > 40
