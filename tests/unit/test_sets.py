"""What one can do with a saved set: export it, carry it to other networks, train on it as the field does."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from dd import load as load_set
from dd.data.batches import normalise
from dd.data.prepared import load
from dd.distill.distilled_set import DistilledSet
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.evaluation.held_out import evaluate
from dd.evaluation.made_for import for_net
from dd.runtime.errors import UserError
from dd.sets.export import to_folder, to_npz, to_pt, to_sheet
from dd.sets.foreign import PICKLE
from dd.sets.formats import FORMATS
from tests.conftest import BEYOND
from tests.warm import run_python

SETTINGS = {"steps": 3, "epochs": 2, "nets": 1, "real_batch": 64, "validation_images": 100, "image_std": 0.5}


@pytest.fixture(scope="module")
def saved(digits, tmp_path_factory):
    """A set of a fixed initialisation."""
    experiment = Experiment(DistillConfig(init="fixed", **SETTINGS), load(digits))
    experiment.trainer.step()
    path = tmp_path_factory.mktemp("set") / "set.safetensors"
    experiment.distilled({"accuracy": 50.0, "accuracy_std": 1.0, "nets": 2}).save(path)
    return path


@pytest.fixture
def distilled(saved):
    return load_set(saved)


def test_pt_and_npz_hold_all_of_it(distilled, tmp_path):
    distilled = replace(distilled, buffers={"norm.running_mean": torch.arange(3.0)})
    to_pt(distilled, tmp_path / "set.pt")
    to_npz(distilled, tmp_path / "set.npz")
    tensors = torch.load(tmp_path / "set.pt", weights_only=True)
    arrays = np.load(tmp_path / "set.npz", allow_pickle=False)
    for name in ("images", "labels", "lrs", "mean", "std", "fixed_weights"):
        assert torch.equal(tensors[name], getattr(distilled, name))
        np.testing.assert_array_equal(arrays[name], getattr(distilled, name))
    assert torch.equal(tensors["buffers"]["norm.running_mean"], torch.arange(3.0))
    np.testing.assert_array_equal(arrays["buffer.norm.running_mean"], np.arange(3))
    assert tensors["info"] == json.loads(str(arrays["info"])) == distilled.info


def test_printed_it_is_a_few_lines(distilled):
    assert str(distilled).splitlines() == [
        "DistilledSet digits LeNet fixed",
        "  3 steps x 2 epochs, 10 images [1, 28, 28] a step, hard labels",
        f"  learning rates {distilled.lrs.min():.3g} to {distilled.lrs.max():.3g}",
        "  accuracy at validation: 50.0 % over 2 net(s)",
    ]
    assert str(replace(distilled, info={})).splitlines() == ["DistilledSet", *str(distilled).splitlines()[1:3]]
    soft = replace(distilled, labels=torch.full((3, 10, 10), 0.1))
    assert str(soft).splitlines()[1].endswith(" a step, learned labels")


def test_a_network_that_has_changed_since_is_refused(distilled):
    changed = replace(distilled, info=distilled.info | {"config": distilled.info["config"] | {"net": "MLP"}})
    for use in (changed.net, changed.initial):
        with pytest.raises(UserError, match=r"net MLP: has \d+ weights, but had \d+ when this set was distilled"):
            use()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_has_every_image_where_its_order_says(distilled, tmp_path, channels):
    images = distilled.images.repeat(1, 1, channels, 1, 1)
    images[..., 0, 0] = 50  # far outside
    mean, std = distilled.mean.repeat(channels), distilled.std.repeat(channels)
    distilled = replace(distilled, images=images, mean=mean, std=std)
    to_folder(distilled, tmp_path / "images")
    about = json.loads((tmp_path / "images/set.json").read_text())
    assert torch.tensor([[entry["label"] for entry in step] for step in about["steps"]]).equal(distilled.labels)
    assert torch.tensor(about["lrs"]).equal(distilled.lrs)
    files = [entry["file"] for step in about["steps"] for entry in step]
    assert {str(p.relative_to(tmp_path / "images")) for p in (tmp_path / "images").rglob("*.png")} == set(files)
    assert files[11].startswith("1/")
    pictures = np.stack([np.asarray(Image.open(tmp_path / "images" / file)) for file in files]).reshape(
        30, 28, 28, channels
    )
    x = normalise(
        torch.from_numpy(pictures).permute(0, 3, 1, 2), torch.tensor(about["mean"]), torch.tensor(about["std"])
    )
    error = x - images.flatten(0, 1)
    outside = (255 * (images * std[0] + mean[0]) - 127.5).abs().flatten(0, 1) > 128
    assert about["lost"]["clipped_percent"] == pytest.approx(100 * outside.float().mean().item(), abs=0.01)
    assert about["lost"]["rms_error"] == pytest.approx(error.square().mean().sqrt().item(), abs=1e-3)
    assert error[~outside].abs().max() <= 0.51 / 255 / std[0]
    with pytest.raises(UserError, match="exists already"):
        to_folder(distilled, tmp_path / "images")


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", ".."])
def test_classes_that_are_no_folder_names_are_refused(distilled, tmp_path, name):
    distilled.info["classes"] = [name, *distilled.info["classes"][1:]]
    with pytest.raises(UserError, match="cannot be the name of a folder"):
        to_folder(distilled, tmp_path / "images")
    assert not list(tmp_path.iterdir())


def test_a_sheet_has_a_column_a_step_and_a_row_a_class(distilled, tmp_path):
    # images that are their class, in an order of their own
    labels = torch.stack([torch.randperm(10) for _ in range(3)])
    gray = (20.0 * labels + torch.arange(3).unsqueeze(1)) / 255
    images = ((gray - distilled.mean) / distilled.std).view(3, 10, 1, 1, 1).expand_as(distilled.images)
    to_sheet(replace(distilled, images=images, labels=labels), tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (10 * 30 + 2, 3 * 30 + 2, 3)
    for c in range(10):
        for step in range(3):
            assert (sheet[30 * c + 2 : 30 * c + 30, 30 * step + 2 : 30 * step + 30] == 20 * c + step).all()


@pytest.mark.parametrize(
    ("config", "before", "beyond"),
    [
        ({}, None, ""),
        ({"clip_adjoint": 1.0, "schedule": "cosine", "meta_steps": 5, "image_std": 0.3}, None, ""),  # only the recipe
        (BEYOND, None, "soft_labels, shuffle_steps, start real, momentum 0.5"),
        ({"init_scheme": "he"}, None, "init_scheme he"),
        ({"init_scheme": "he"}, {"name": "alexnet"}, ""),
        ({}, {"init_scheme": "default", "dataset": {"name": "usps"}}, "init_scheme default"),
    ],
    ids=["the paper's", "recipe", "all", "scheme", "weights of a file", "scheme of the pool"],
)
def test_a_set_says_what_is_not_the_papers_way(distilled, config, before, beyond):
    distilled.info["config"] |= config
    distilled.info |= {"pretrained": before} if before else {}
    assert distilled.setting()["beyond"] == beyond


def test_a_set_of_an_older_version_is_in_the_papers_way(distilled):
    for name in BEYOND:
        del distilled.info["config"][name]
    assert distilled.setting()["beyond"] == ""


def test_another_net_is_new_whatever_the_set_was_made_for(distilled, digits):
    assert for_net(distilled, "LeNet") is distilled
    other = for_net(distilled, "MLP")
    assert other.setting() | {"net": "LeNet", "init": "fixed"} == distilled.setting()
    table = evaluate(other, load(digits), other.initial(), nets=2, protocol="native")
    assert set(table["net"]) == {"MLP"}
    assert set(table["held_out_net"]) == {0, 1}
    before = table[table["stage"] == "before"]["accuracy"]
    assert before.nunique() == 2
    with pytest.raises(UserError, match="AlexNet takes images of at least 63 pixels"):
        for_net(distilled, "AlexNet").initial()


def test_from_a_set_to_a_table(dd, digits, saved, tmp_path):
    source = ("--set", saved, "--data", digits, "--nets", 2)
    plain, carried = tmp_path / "plain.csv", tmp_path / "carried.csv"
    assert dd("evaluate", *source, "--out", plain).returncode == 0
    which = ("--net", "LeNet", "--net", "MLP", "--protocol", "native", "--protocol", "dc")
    done = dd("evaluate", *source, *which, "--out", carried)
    assert "MLP, dc, after: " in done.stdout, done.stderr
    rows = pd.read_csv(carried)
    own = rows[(rows["net"] == "LeNet") & (rows["protocol"] == "native")]
    pd.testing.assert_frame_equal(own.drop(columns=["protocol", "made_for"]), pd.read_csv(plain))
    made_for = rows.groupby(["net", "protocol"])["made_for"].unique().map(list).to_dict()
    new = ["fixed"]  # by the field's protocol, nets of the set's own kind are new too
    assert made_for.pop(("LeNet", "native")) == [np.nan]
    assert made_for == {("LeNet", "dc"): new, ("MLP", "native"): new, ("MLP", "dc"): new}
    assert set(rows["fidelity"]) == {"as its source gives it"}
    assert set(rows["set"]) == {"set"}
    assert set(rows["set_digest"]) == {f"sha256:{DistilledSet.load(saved).digest}"}
    learned = rows[rows["stage"] == "after"].set_index(["net", "protocol"])["accuracy"]
    assert learned.loc["MLP", "dc"].tolist() != learned.loc["MLP", "native"].tolist()
    out = [tmp_path / f"table.{end}" for end in ("csv", "md", "html")]
    done = dd("transfer", "--metrics", carried, *out_of(out))
    assert done.returncode == 0, done.stderr
    assert out[1].read_text().splitlines()[0].split() == [
        "|",
        "set",
        "|",
        "net",
        "|",
        "native,",
        "%",
        "|",
        "dc,",
        "%",
        "|",
    ]
    mean = learned.loc["MLP", "dc"].mean()
    html = out[2].read_text()
    assert f"{mean:.1f} ± " in html
    assert html.count("<th>") == 4  # no column of row numbers
    assert list(pd.read_csv(out[0])["nets"]) == [1, 2, 2, 2]
    rows.assign(beyond="soft_labels").to_csv(carried)
    assert dd("transfer", "--metrics", carried, *out_of(out[1:2])).returncode == 0
    assert "| set (soft_labels) | LeNet |" in out[1].read_text()
    assert (
        "not a table of `python -m dd evaluate --protocol`" in dd("transfer", "--metrics", plain, *out_of(out)).stderr
    )


def out_of(paths):
    return [word for path in paths for word in ("--out", path)]


@pytest.mark.parametrize("beyond", [{"momentum": 0.9, "dsa": "crop"}, {"batch_per_class": 1}])
def test_a_format_refuses_a_training_that_it_cannot_hold(distilled, tmp_path, beyond):
    changed = replace(distilled, info=distilled.info | {"config": distilled.info["config"] | beyond})
    with pytest.raises(UserError, match=f"the format wang cannot hold {', '.join(beyond)} of this set"):
        FORMATS["wang"].write(changed, tmp_path / "results.pth")
    assert not (tmp_path / "results.pth").exists()
    soft = replace(changed, labels=torch.nn.functional.one_hot(changed.labels, 10).float(), lrs=changed.lrs * 0 + 0.01)
    FORMATS["datm"].write(soft, tmp_path / "images_best.pt")
    assert not (tmp_path / "lr_best.pt").exists()
    FORMATS["datm"].write(replace(soft, info=distilled.info), tmp_path / "images_best.pt")
    assert (tmp_path / "lr_best.pt").exists()


def test_a_set_is_ours_whatever_the_length_of_its_header(distilled, tmp_path):
    """A file of safetensors begins with that length, which here begins as a pickle does."""
    path = tmp_path / "set.safetensors"
    distilled.save(path)
    missing = 0x10280 - int.from_bytes(path.read_bytes()[:8], "little")
    source = distilled.info["dataset"]["source"] + "x" * missing
    told = distilled.info["dataset"] | {"source": source}
    replace(distilled, info=distilled.info | {"dataset": told}).save(path)
    assert path.read_bytes().startswith(PICKLE)
    assert torch.equal(load_set(path).images, distilled.images)


def test_export_says_what_is_lost(dd, saved, tmp_path):
    names = ("sheet.png", "set.pt", "set.npz", "images")
    done = dd("export", "--set", saved, *out_of(tmp_path / name for name in names))
    assert done.returncode == 0, done.stderr
    assert "% of values clipped" in done.stdout
    assert "the initial weights are left out" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    assert dd("export", "--set", saved, "--out", tmp_path / "again.npz").stdout == ""
    assert "x.jpg must end in .png, .pt or .npz" in dd("export", "--set", saved, "--out", tmp_path / "x.jpg").stderr


@pytest.mark.parametrize("name", ["set.pt", "set.npz", "sheet.png", "folder"])
def test_an_export_to_a_full_disk_is_one_clear_line(saved, tmp_path, name):
    """A limit on file size makes the kernel refuse to write on, as a full disk does."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))"
    done = run_python(
        "-c", f"{limit}; from dd.__main__ import run; run()", "export", "--set", saved, "--out", tmp_path / name
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / name}: cannot write (File too large); ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (torch.rand(2, 1, 28, 28), r"torch.float32 \[2, 1, 28, 28\]"),
        (torch.zeros(2, 28, 28, dtype=torch.uint8), r"torch.uint8 \[2, 28, 28\]"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8).numpy(), "ndarray"),
    ],
    ids=["floats", "no channel", "numpy"],
)
def test_images_of_another_kind_are_not_normalised_silently(distilled, images, found):
    with pytest.raises(UserError, match=rf"takes uint8 tensors \[n, 1, 28, 28\], not {found}"):
        distilled.normalise(images)
