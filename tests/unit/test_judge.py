"""`python -m dd judge`: sets side by side, by every protocol that fits, and above random real images."""

import re
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from dd.data.prepared import load
from dd.distill.distilled_set import DistilledSet
from dd.evaluation.judge import Judge, make_cases, with_random_images
from dd.evaluation.made_for import for_epochs
from dd.evaluation.protocols import WHOLE
from dd.nets.factory import build
from dd.report.judged import chart_of
from dd.runtime.seeds import generator
from tests.warm import Copy

NETS = {"AlexNet32": 1_872_202, "VGG11": 9_231_114, "ResNet18": 11_173_962, "ResNet18BN": 11_173_962}
"""Weights for three channels and ten classes, as DC's code has them."""


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


def real_set(dataset, per_class: int = 1, *, soft: bool = False, rates: bool = True) -> DistilledSet:
    """Real images as a set with two passes at a rate of 0.02, if it has rates."""
    labels = torch.arange(10).repeat(per_class).unsqueeze(0)
    config = {
        **{"net": "MLP", "init": "random", "init_scheme": "xavier", "steps": 1, "epochs": 2 * rates, "seed": 3},
        **{"images_per_class": per_class, "soft_labels": soft, "train_on_all": True},
    }
    info = {"classes": dataset.classes, "dataset": dataset.origin, "config": config}
    info["imported_from"] = {"file": "a.pt"}
    images = torch.zeros(1, 10 * per_class, *dataset.image_shape)
    lrs = torch.full((2 * rates, 1), 0.02)
    distilled = DistilledSet(images, labels, lrs, dataset.mean, dataset.std, info=info)
    distilled = with_random_images(distilled, dataset, generator(0, "test"))
    if soft:
        probabilities = 0.9 * torch.nn.functional.one_hot(labels, 10) + 0.01
        distilled = replace(distilled, labels=probabilities)
    return distilled


@pytest.fixture
def sets(dataset, tmp_path):
    """Paths of three sets: with rates and classes, with learned labels, and without rates."""
    made = {
        "native": real_set(dataset),
        "learned": real_set(dataset, 2, soft=True),
        "plain": real_set(dataset, 3, rates=False),
    }
    for name, distilled in made.items():
        distilled.save(tmp_path / f"{name}.safetensors")
    return [tmp_path / f"{name}.safetensors" for name in made]


def test_each_set_is_judged_by_every_protocol_that_fits_it(dd, sets, digits, tmp_path):
    out, chart = tmp_path / "judged.csv", tmp_path / "judged.png"
    protocols = ("--protocol", "native", "--protocol", "dc", "--protocol", "soft")
    options = (*protocols, "--nets", 2, "--seed", 4, "--rank", "--chart", chart, "--out", out)
    done = dd("judge", *sets, "--data", digits, *options)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(out)
    fitting = {"native": ["native", "dc"], "learned": ["native", "dc", "soft"], "plain": ["dc"]}
    assert table.groupby("set", sort=False)["protocol"].apply(list).to_dict() == fitting
    assert set(table["net"]) == {"MLP"}
    assert set(table["nets"]) == {2}
    assert set(table["stage"]) == {"after"}
    assert (table["seconds"] > 0).all()
    seeds = table.groupby("protocol")["seed"].unique().map(list).to_dict()
    assert seeds == {"native": [3], "dc": [4], "soft": [4]}  # the native protocol is the set's own
    margin = (table["accuracy"] - table["random"]).to_numpy()
    assert table["margin"].to_numpy() == pytest.approx(margin, abs=1e-3)
    # the sets are random real images themselves
    assert table["margin"].abs().max() < 35
    assert table.query("protocol == 'dc'")["accuracy"].min() > 25
    assert "| plain" in done.stdout
    assert "above random" in done.stdout
    assert chart.stat().st_size > 10_000
    assert not (tmp_path / "judged.csv.work").exists()


def test_sets_that_fit_no_protocol_named_are_left_out(dd, sets, digits, tmp_path):
    options = ("--data", digits, "--protocol", "soft", "--nets", 1, "--out", tmp_path / "judged.csv")
    done = dd("judge", *sets[1:], *options)
    assert "plain: left out, as it fits none of the protocols soft\n" in done.stderr
    assert list(pd.read_csv(tmp_path / "judged.csv")["set"]) == ["learned"]
    done = dd("judge", sets[0], sets[2], *options, "--force")
    assert (done.returncode, done.stderr) == (
        1,
        "error: --protocol soft: is for learned labels, and this set has one class an image; use dc\n",
    )


def test_without_a_choice_all_protocols_that_fit_are_used(dataset):
    sets = {"learned": real_set(dataset, soft=True), "plain": real_set(dataset, rates=False)}
    cases = make_cases(sets, dataset, nets=["MLP", "tests.conftest:Normed"], count=1, seed=0)
    names = ["MLP", "tests.conftest:Normed"]
    fitting = {"learned": ["native", "dc", "dsa", "soft"], "plain": ["dc", "dsa"]}
    expected = [(name, net, protocol) for name in sets for net in names for protocol in fitting[name]]
    assert [(case.name, case.net, case.protocol.name) for case in cases] == expected


def test_all_sets_have_the_same_nets_and_those_are_pytorchs(dataset):
    one, two = real_set(dataset), replace(real_set(dataset), fixed_weights=torch.zeros(118_282))
    two.info["config"]["init"] = "fixed"
    sets = {"one": one, "two": two}
    cases = make_cases(sets, dataset, protocols=["dc"], count=3, seed=7)
    one, two = (case.initial("held-out", range(3)) for case in cases)
    assert torch.equal(one, two)
    limit = 1 / 28  # torch.nn.Linear draws uniform weights within 1 / sqrt(pixels)
    assert one[:, : 28**2 * 128].abs().max().item() == pytest.approx(limit, rel=0.01)
    (own,) = make_cases({"one": sets["one"]}, dataset, protocols=["native"], count=3, seed=7)
    assert torch.equal(own.initial("held-out", [1]), sets["one"].initial()("held-out", [1]))


def test_random_images_are_of_the_classes_of_the_set_and_drawn_anew(dataset):
    distilled = real_set(dataset, 2)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    distilled = replace(distilled, labels=distilled.labels[:, order])
    one, two = (with_random_images(distilled, dataset, generator(0, "random", draw)) for draw in range(2))
    normalised = distilled.normalise(dataset.x_train)
    for drawn in (one, two):
        assert torch.equal(drawn.labels, distilled.labels)
        rows = [int((normalised == image).all((1, 2, 3)).nonzero()[0]) for image in drawn.images[0]]
        assert dataset.y_train[rows].tolist() == distilled.labels[0].tolist()
        assert len(set(rows)) == 20
    assert not torch.equal(one.images, two.images)


def test_margins_are_of_the_same_nets_one_by_one(dataset):
    cases = make_cases({"set": real_set(dataset)}, dataset, protocols=["native"], count=3, seed=0)
    judge = Judge(cases, dataset, rank=True, seed=0)
    finite = {"overflowed": 0}
    judge.measured = [finite | {"accuracy": [value], "seconds": 1.0} for value in (50.0, 60.0, 70.0)]
    judge.measured += [finite | {"accuracy": [value], "seconds": 2.0} for value in (40.0, 45.0, 50.0)]
    assert judge.done == judge.total
    (row,) = judge.table().to_dict("records")
    assert (row["margin"], row["margin_std"]) == (15.0, 5.0)
    assert (row["random"], row["seconds"], row["random_seconds"]) == (45.0, 3.0, 6.0)


def test_all_training_images_are_the_upper_line(dd, sets, digits, dataset, tmp_path):
    out = tmp_path / "judged.csv"
    words = ("--protocol", "dc", "--nets", 2, "--rank", "--whole", 10, "--chart", tmp_path / "judged.svg", "--out", out)
    done = dd("judge", *sets[::2], "--data", digits, *words)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(out)
    *others, whole = table.itertuples()
    assert [row.set for row in others] == ["native", "plain"]
    assert (whole.set, whole.protocol, whole.images) == (WHOLE, "10 epochs", len(dataset.x_train))
    assert whole.accuracy > max(row.accuracy for row in others) + 10
    assert np.isnan(whole.random)  # nothing is as many random images
    assert re.search(r"\| all training images \| +1297 \| MLP +\| 10 epochs +\|", done.stdout)
    axes = chart_of(table).axes[0]
    assert len(axes.patches) == len(others)
    assert [line.get_xdata()[0] for line in axes.lines if line.get_label().startswith(WHOLE)] == [whole.accuracy]
    # its nets are those of the other rows, and the draws its own
    made = make_cases({"plain": real_set(dataset, rates=False)}, dataset, count=2, seed=0, whole=10)
    assert torch.equal(*(case.initial("held-out", range(2)) for case in made[-2:]))


def test_accuracy_by_the_length_of_native_training(dd, sets, digits, tmp_path):
    out, chart = tmp_path / "judged.csv", tmp_path / "judged.svg"
    words = ("--epochs", 30, "--epochs", 1, "--epochs", 2, "--nets", 2, "--rank", "--chart", chart, "--out", out)
    done = dd("judge", sets[0], "--data", digits, "--protocol", "native", "--protocol", "dc", *words)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(out)
    of_length = table.query("protocol == 'native'")
    assert of_length[["epochs", "gd_steps"]].to_numpy().tolist() == [[1, 1], [2, 2], [30, 30]]
    assert table.query("protocol == 'dc'")["epochs"].isna().all()
    assert of_length["accuracy"].iloc[-1] > of_length["accuracy"].iloc[0] + 20
    # two epochs are the set's own, so that row is the one without --epochs
    own = tmp_path / "own.csv"
    assert dd("judge", sets[0], "--data", digits, "--protocol", "native", "--nets", 2, "--out", own).returncode == 0
    assert pd.read_csv(own)["accuracy"].item() == of_length["accuracy"].iloc[1]
    drawn = chart.read_text()
    assert "steps of training" in drawn
    assert "as many random real images" in drawn
    assert "native, dc" in drawn  # a level
    assert [line.split("|")[5].strip() for line in done.stdout.splitlines()[2:]] == ["1", "2", "30", "—"]
    # as the workflow writes it
    outs = [tmp_path / f"table.{ending}" for ending in ("csv", "md", "html")]
    done = dd("judged", "--metrics", out, *(word for path in outs for word in ("--out", path)))
    assert done.returncode == 0, done.stderr
    written = pd.read_csv(outs[0], dtype=str)
    assert written["gd_steps"].tolist()[1:] == ["1", "2", "30"]
    shown = [re.findall(r"<td>(.*?)</td>", outs[2].read_text()), re.findall(r"[^| ]+", outs[1].read_text())]
    assert all({"—", "1", "2", "30"} < set(cells) for cells in shown)
    assert not any({"nan", "NaN", "<NA>", "30.0"} & set(cells) for cells in shown)


def test_further_epochs_have_the_rates_of_the_last(dataset):
    lrs = torch.tensor([[0.3], [0.1]])
    longer = for_epochs(replace(real_set(dataset), lrs=lrs), 4)
    assert torch.equal(longer.lrs, torch.tensor([[0.3], [0.1], [0.1], [0.1]]))
    assert longer.config.epochs == 4


def test_a_killed_judge_goes_on_where_it_was(dd, sets, digits, tmp_path):
    command = ["judge", *map(str, sets[:2]), "--data", str(digits), "--protocol", "dc", "--nets", "1", "--rank"]
    whole, again = tmp_path / "whole.csv", tmp_path / "again.csv"
    assert dd(*command, "--out", whole).returncode == 0
    process = Copy("-m", "dd", *command, "--out", again, "--checkpoint-seconds", 0)
    checkpoint = tmp_path / "again.csv.work/checkpoint.safetensors"
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not again.exists()
    other = dd(*command, "--seed", 1, "--out", again)
    assert "made with other settings" in other.stderr
    assert other.returncode == 1
    longer = dd(*command, "--protocol", "native", "--epochs", 3, "--out", again)
    assert "made with other settings" in longer.stderr
    done = dd(*command, "--out", again)
    assert done.returncode == 0, done.stderr
    seconds = ["seconds", "random_seconds"]
    pd.testing.assert_frame_equal(
        pd.read_csv(again).drop(columns=seconds), pd.read_csv(whole).drop(columns=seconds), check_exact=True
    )
    kept = [line for line in done.stderr.splitlines() if line.startswith("0/")]
    assert not kept, "it began anew"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--protocol", "soft"], "error: --protocol soft: is for learned labels, and this set has one class an image"),
        (["--protocol", "dc-bench"], "dc-bench is no more; use dc, which is the field's own"),
        (["--net", "AlexNet"], "error: net AlexNet: AlexNet takes images of at least 63 pixels, not 28"),
        (
            ["--protocol", "dc", "--epochs", "3"],
            "error: --epochs: is for --protocol native, by which",
        ),
        (["--chart", "chart.txt"], "error: --chart: chart.txt must end in .png, .pdf or .svg"),
    ],
)
def test_mistakes_are_found_before_anything_is_trained(dd, sets, digits, tmp_path, options, message):
    done = dd("judge", sets[0], "--data", digits, *options, "--out", tmp_path / "out.csv")
    assert message in done.stderr
    assert done.returncode in (1, 2)
    assert not list(tmp_path.glob("out*"))


def test_sets_of_others_and_names_that_are_there_twice_are_refused(dd, sets, digits, tmp_path):
    torch.save({"images": torch.zeros(10, 1, 8, 8), "labels": torch.arange(10)}, tmp_path / "other.pt")
    done = dd("judge", sets[0], tmp_path / "other.pt", "--data", digits, "--out", tmp_path / "out.csv")
    assert done.stderr.startswith(f"error: {tmp_path}/other.pt: not a .safetensors; import it first: python -m dd")
    done = dd("judge", sets[0], sets[0], "--data", digits, "--out", tmp_path / "out.csv")
    assert "2 sets are called native" in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_evaluate_takes_plain_nets_by_the_fields_protocols(dd, sets, digits, tmp_path):
    out = tmp_path / "out.csv"
    options = ("--net", "tests.conftest:Normed", "--protocol", "dc", "--nets", 2, "--out", out)
    done = dd("evaluate", "--set", sets[0], "--data", digits, *options)
    assert done.returncode == 0, done.stderr
    accuracy = pd.read_csv(out).groupby("stage")["accuracy"].mean()
    assert accuracy["after"] > accuracy["before"] + 15


@pytest.mark.parametrize("name", NETS)
def test_the_fields_networks_have_its_weights(name):
    net = build(name, 3, 32, 10)
    assert sum(weights.numel() for weights in net.parameters()) == NETS[name]
    assert net(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    gray = build(name, 1, 28, 10)
    assert gray(torch.randn(2, 1, 28, 28)).shape == (2, 10)
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert len(norms) == (20 if name == "ResNet18BN" else 0)


@pytest.mark.parametrize("command", ["judge", "evaluate"])
def test_other_data_than_the_set_was_distilled_from_are_told(dd, sets, digits, tmp_path, command):
    done = dd("data", "vary", "--data", digits, "--noise", 0.1, "--out", tmp_path / "noisy.npz")
    assert done.returncode == 0, done.stderr
    words = {"judge": [sets[0], "--protocol", "native"], "evaluate": ["--set", sets[0]]}[command]
    for data, warns in ((digits, False), (tmp_path / "noisy.npz", True)):
        done = dd(command, *words, "--data", data, "--nets", 1, "--out", tmp_path / f"{data.stem}.csv")
        assert done.returncode == 0, done.stderr
        assert ("was distilled from other data (digits, sha256 " in done.stderr) == warns
