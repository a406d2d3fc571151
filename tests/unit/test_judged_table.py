"""The section `judge` of config.yaml, and the table of what `dd judge` measured."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from dd.data.prepared import load
from dd.evaluation.made_for import for_epochs
from dd.plan.plan import Plan
from dd.runtime.errors import UserError
from tests.conftest import ROOT, load_yaml, merged
from tests.unit.test_judge import real_set

PAPER = load_yaml(ROOT / "config.yaml")
ROW = {
    **{"kind": "judgement", "dataset": "digits", "fidelity": "as its source gives it", "protocol": "dc", "nets": 2},
    **{"accuracy_std": 1.0, "seconds": 3.2, "test_images": 500, "images": 10},
}


def written(path, *rows: dict):
    pd.DataFrame([ROW | row for row in rows]).to_csv(path, index=False)
    return path


def test_the_best_set_of_each_network_comes_first(dd, tmp_path):
    ours = written(tmp_path / "a.csv", *({"set": "ours", "net": net, "accuracy": 70.0} for net in ("MLP", "LeNet")))
    theirs = written(tmp_path / "b.csv", {"set": "theirs", "net": "MLP", "accuracy": 80.0})
    outs = {ending: tmp_path / f"judged.{ending}" for ending in ("csv", "md", "svg", "html")}
    options = [word for path in outs.values() for word in ("--out", path)]
    done = dd("judged", "--metrics", ours, "--metrics", theirs, *options)
    assert done.returncode == 0, done.stderr
    order = pd.read_csv(outs["csv"])[["net", "set"]].to_numpy().tolist()
    assert order == [["LeNet", "ours"], ["MLP", "theirs"], ["MLP", "ours"]]
    assert "80.0 ± 1.0" in outs["md"].read_text()
    assert "- dc: as DC's code does it" in outs["md"].read_text()
    assert outs["svg"].read_text().count("theirs") >= 1
    assert "<svg" in outs["html"].read_text()


def test_files_that_do_not_belong_together(dd, tmp_path):
    first = written(tmp_path / "a.csv", {"set": "a", "net": "MLP", "accuracy": 70.0})
    other = written(tmp_path / "b.csv", {"set": "b", "net": "MLP", "accuracy": 70.0, "dataset": "mnist"})
    out = tmp_path / "judged.md"
    done = dd("judged", "--metrics", first, "--metrics", other, "--out", out)
    assert done.stderr == "error: --metrics: files for digits and mnist; name those of one dataset\n"
    first.write_text("stage,accuracy\nafter,1\n")
    assert "a.csv: not a table of `python -m dd judge`" in dd("judged", "--metrics", first, "--out", out).stderr
    assert not out.exists()


def judged(**judge):
    return Plan(merged(PAPER, {"judge": judge})).judge


def test_what_the_rule_reads_and_does():
    plan = judged(experiments=["mnist_random"], sets=["dc.safetensors"], nets=["MLP"], protocols=["native", "dc"])
    read = plan.inputs()
    assert read["sets"] == ["results/paper/distill/mnist_random/set.safetensors", "dc.safetensors"]
    assert read["npz"] == "results/data/mnist.npz"
    assert plan.options() == "--net MLP --protocol native --protocol dc --rank --nets 5"
    lengths = judged(experiments=["mnist_random"], protocols=["native"], epochs=[1, 30])
    assert "--protocol native --epochs 1 --epochs 30 --rank" in lengths.options()
    assert "--epochs" not in judged(experiments=["mnist_random"], protocols=["native"], epochs=[]).options()
    assert plan.modules() == ("dd.evaluation.judge", "dd.nets.mlp")
    seeds = {"experiments": {"mnist_random": {"seeds": 2}}, "judge": {"experiments": ["mnist_random"]}}
    assert (
        "results/paper/distill/mnist_random_seed1/set.safetensors" in Plan(merged(PAPER, seeds)).judge.inputs()["sets"]
    )


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        ({"experiments": []}, "judge.experiments: is empty"),
        ({"experiments": ["mnist_random"], "epochs": [3]}, "judge.epochs: is for the protocol native; add that to"),
        ({"experiments": ["mnist_rand"]}, "judge.experiments: no experiment 'mnist_rand'; did you mean mnist_random"),
        ({"experiments": ["mnist_random", "cifar10_fixed"]}, "cifar10_fixed is of cifar10, mnist_random of mnist"),
        ({"experiments": ["usps_mnist_random"]}, "usps_mnist_random is for pre-trained networks"),
    ],
)
def test_what_cannot_be_judged(judge, said):
    with pytest.raises(UserError, match=said):
        judged(**judge).inputs()


def test_nets_that_overflow_are_counted_and_told(dd, digits, tmp_path):
    dataset = load(digits)
    distilled = replace(for_epochs(real_set(dataset), 3), lrs=torch.tensor([[0.02], [1e30], [1e30]]))
    distilled.save(tmp_path / "wild.safetensors")
    real_set(dataset).save(tmp_path / "tame.safetensors")
    out = tmp_path / "judged.csv"
    sets = (tmp_path / "wild.safetensors", tmp_path / "tame.safetensors")
    done = dd("judge", *sets, "--data", digits, "--protocol", "native", "--nets", 3, "--rank", "--out", out)
    assert "overflowed" in done.stdout, done.stderr
    table = pd.read_csv(out).set_index("set")
    for column in ("overflowed", "random_overflowed"):
        assert table[column].to_dict() == {"wild": 3, "tame": 0}
    first = 100 * (dataset.y_test == 0).float().mean().item()
    assert table.loc["wild", "accuracy"] == pytest.approx(first, abs=1e-3)
    dd("judged", "--metrics", out, "--out", tmp_path / "judged.md")
    assert "taking all images for the first class" in (tmp_path / "judged.md").read_text()
