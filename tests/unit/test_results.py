"""Saved sets, their evaluation and their pictures."""

import numpy as np
import pandas as pd
import pytest
import torch

import dd
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.evaluation.held_out import evaluate
from dd.report.figures.distilled_images import images_title
from dd.report.figures.image_grid import images_picture
from dd.report.publish import publish
from dd.runtime.errors import UserError
from dd.runtime.files import save_tensors
from tests.conftest import BEYOND

LAST = {"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}
SETTINGS = {"steps": 3, "epochs": 2, "nets": 1, "real_batch": 64, "validation_images": 100, "distill_lr": 0.1}


KINDS = {"fixed": {"init": "fixed"}, "random": {"init": "random"}, "beyond the paper": BEYOND}


@pytest.fixture(params=KINDS)
def saved(request, digits, tmp_path):
    experiment = Experiment(DistillConfig(**SETTINGS | KINDS[request.param]), load(digits))
    for _ in range(3):
        experiment.trainer.step()
    path = tmp_path / "set.safetensors"
    experiment.distilled(LAST).save(path)
    return experiment, path


def test_a_saved_set_comes_back_whole(saved, digits):
    experiment, path = saved
    distilled, data = dd.load(path), load(digits)
    assert torch.equal(distilled.images, experiment.trainer.learned.images)
    assert torch.equal(distilled.lrs, experiment.trainer.learned.lrs)
    assert torch.equal(distilled.labels, experiment.trainer.learned.labels)
    assert torch.equal(distilled.mean, data.mean)
    info = distilled.info
    assert torch.equal(distilled.hard_labels, torch.arange(10).expand(3, -1))
    assert distilled.setting()["distilled_images"] == 30
    assert info["classes"] == data.classes
    assert info["config"]["steps"] == 3
    assert info["dataset"]["name"] == "digits"
    assert info["validation"]["accuracy"] == 50.0
    assert info["made with"]["torch"] == torch.__version__


def test_training_a_plain_module_is_evaluation(saved, digits):
    """`distilled.train(net)` on held-out net 0 gives the accuracy that `evaluate` writes for it."""
    _, path = saved
    distilled, data = dd.load(path), load(digits)
    table = evaluate(distilled, data, distilled.initial(), nets=2)
    net = distilled.net(index=0)
    x = distilled.normalise(data.x_test)
    before = 100 * (net(x).argmax(1) == data.y_test).float().mean().item()
    after = 100 * (distilled.train(net)(x).argmax(1) == data.y_test).float().mean().item()
    first = table[table["held_out_net"] == 0].set_index("stage")["accuracy"]
    assert first["before"] == pytest.approx(before, abs=0.21)
    assert first["after"] == pytest.approx(after, abs=0.21)  # one of 500 images, by rounding of sums
    assert all(p.requires_grad for p in net.parameters())
    assert (set(table["beyond"]) == {""}) == ("soft_labels" not in distilled.setting()["beyond"])
    assert len(table) == (2 if distilled.fixed_weights is not None else 4)
    assert set(table["test_images"]) == {500}


def test_training_by_hand_gives_the_same_weights(saved):
    """A loop of plain SGD, as anyone would write it."""
    _, path = saved
    distilled = dd.load(path)
    ours, plain = distilled.net(index=1), distilled.net(index=1)
    distilled.train(ours)
    optimiser = torch.optim.SGD(plain.parameters(), momentum=distilled.momentum)
    for lrs in distilled.lrs:
        for images, labels, lr in zip(distilled.images, distilled.labels, lrs, strict=True):
            optimiser.param_groups[0]["lr"] = lr.item()
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(plain(images), labels).backward()
            optimiser.step()
    for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_new_nets_differ_only_for_random_init(saved):
    distilled = dd.load(saved[1])
    first, second = (torch.cat([p.flatten() for p in distilled.net().parameters()]) for _ in range(2))
    assert torch.equal(first, second) == (distilled.fixed_weights is not None)


def test_a_saved_set_trains_a_net(saved, digits):
    """Whatever it was made for, as README does it with a set of the demo."""
    distilled, data = dd.load(saved[1]), load(digits)
    start = distilled.net()
    before = start(distilled.normalise(data.x_test))
    after = distilled.train(start)(distilled.normalise(data.x_test))
    assert after.isfinite().all()
    assert not torch.equal(before, after)


def test_other_data_and_other_files_are_refused(saved, digits, tmp_path):
    distilled, data = dd.load(saved[1]), load(digits)
    data.x_train = data.x_train[..., :20, :20]
    with pytest.raises(UserError, match="the set was distilled for"):
        evaluate(distilled, data, distilled.initial(), nets=1)
    with pytest.raises(UserError, match="no such file"):
        dd.load(tmp_path / "nothing.safetensors")
    save_tensors(tmp_path / "other.safetensors", {"x": torch.zeros(1)}, {})
    with pytest.raises(UserError, match="not a distilled set"):
        dd.load(tmp_path / "other.safetensors")


def metrics(nets):
    rows = [
        {"dataset": "mnist", "net": "LeNet", "init": "random", "held_out_net": i, "stage": s, "test_images": 10000}
        | {"accuracy": a + i}
        for i in range(nets)
        for s, a in (("before", 10.0), ("after", 80.0))
    ]
    return pd.DataFrame(rows)


def test_titles():
    interval = "95 % interval by the draw of the test images: 79.2 to 80.8 %"
    assert (
        images_title(metrics(1)) == f"MNIST, LeNet, random init: 10.00 % → 80.00 %\non 10,000 test images\n{interval}"
    )
    few = images_title(metrics(3).assign(test_images=32)).splitlines()
    assert few[-1] == "95 % interval by the draw of the test images: 64.7 to 91.1 %"
    other = metrics(1).assign(beyond="soft_labels", fidelity="test images decoded from JPEG")
    assert images_title(other).endswith(
        "\nwith soft_labels, which is not the paper's way\nMNIST: test images decoded from JPEG"
    )
    assert max(map(len, images_title(metrics(1).assign(fidelity="so much " * 30)).splitlines())) <= 80
    assert images_title(metrics(3)).endswith("11.0 ± 1.0 % → 81.0 ± 1.0 %\non 10,000 test images, 3 held-out nets")


@pytest.mark.parametrize(("steps", "shown"), [(1, [1]), (4, [1, 2, 4])])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_has_an_image_a_step_and_class(steps, shown, channels):
    images = np.random.default_rng(0).normal(size=(steps, 3, channels, 8, 8)).astype(np.float32)
    labels = np.tile([2, 0, 1], (steps, 1))
    figure = images_picture(
        images, labels, np.full((2, steps), 0.123), classes=["a", "b", "c"], steps=shown, title="title"
    )
    assert len(figure.axes) == 3 * len(shown)
    texts = [t.get_text() for t in figure.texts]
    assert {"a", "b", "c", "title"} <= set(texts)
    assert sum(text.count("0.123") for text in texts) == 2 * len(shown)
    # the first image of the picture is that of class a (label 0), which stands second in the set
    limit = np.percentile(np.abs(images[np.array(shown) - 1]), 99)
    expected = np.clip(images[0, 1].transpose(1, 2, 0) / (2 * limit) + 0.5, 0, 1)
    np.testing.assert_allclose(np.squeeze(figure.axes[0].images[0].get_array()), np.squeeze(expected), rtol=1e-5)


@pytest.mark.parametrize(("steps", "shown"), [(1, [1]), (2, [2])])
def test_a_picture_of_learned_labels_tells_them(steps, shown):
    images = np.random.default_rng(0).normal(size=(steps, 4, 1, 8, 8))
    labels = np.tile([[0.9, 0.1], [0.6, 0.4], [0.25, 0.75], [0.7, 0.3]], (steps, 1, 1))
    figure = images_picture(images, labels, np.full((2, steps), 0.1), classes=["a", "b"], steps=shown, title="title")
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["a 90%", "a 60%", "b 75%", "a 70%"]
    assert [t.get_text() for t in figure.texts if t.get_text() in "ab"] == ["a", "a", "b", "b"]


def test_published_is_what_is_small_and_what_made_it(saved, tmp_path):
    _, path = saved
    made = tmp_path / "results/distill/one"
    made.mkdir(parents=True)
    path.rename(made / "set.safetensors")
    (made / "history.csv").write_text("meta_step,seconds\n")
    (tmp_path / "results/benchmarks/distill").mkdir(parents=True)
    measured = "s\tmax_rss\n90.0\t812.34\n"
    (tmp_path / "results/benchmarks/distill/one.tsv").write_text(measured)
    run = publish(tmp_path / "results", tmp_path / "out").iloc[0]
    assert {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")} == {
        "distill/one/history.csv",
        "runs.csv",
        "runs.md",
    }
    with_set = tmp_path / "with_set"
    publish(tmp_path / "results", with_set, ["one"])
    assert (with_set / "distill/one/set.safetensors").read_bytes() == (made / "set.safetensors").read_bytes()
    with pytest.raises(UserError, match=r"^--set three: no .*distill/three/set\.safetensors; leave it out$"):
        publish(tmp_path / "results", tmp_path / "never", ["one", "three"])
    assert not (tmp_path / "never").exists()
    assert (run["experiment"], run["dataset"], run["seed"], run["real_batch"]) == ("one", "digits", 0, 64)
    assert (run["minutes"], run["memory_mb"]) == (1.5, 812)
    assert run["torch"] == torch.__version__
    made.rename(made.with_name("two"))
    publish(tmp_path / "results", tmp_path / "out")  # another run; what was there stays
    runs = pd.read_csv(tmp_path / "out/runs.csv")
    assert runs["experiment"].tolist() == ["one", "two"]
    assert runs["minutes"].isna().tolist() == [False, True]
    with pytest.raises(UserError, match="no distilled sets"):
        publish(tmp_path / "results/distill", tmp_path / "out")
