"""Files of other programs that are damaged, hostile or not what they should be: one line, nothing run or written."""

import pickle
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dd as package
from dd.data.prepared import load
from dd.runtime.errors import UserError
from dd.sets.export import to_pt
from dd.sets.imports import import_set
from dd.sets.set_format import Asked
from tests.unit.foreign_sets import NEEDS, WRITERS, idc, mtt, pictures, rat_bptt

CUTS = 12
LABELS = torch.arange(10)


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


def refusal(path, dataset, **options):
    """The one line by which a file is refused."""
    options = {"asked": Asked(), "normalisation": "dataset"} | options
    with pytest.raises(UserError) as refused:
        import_set(path, dataset, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


class Touch:
    """What creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "folder"])
def test_truncated_files_are_refused(name, dataset, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    written = WRITERS[name](tmp_path)
    content = written.path.read_bytes()
    for cut in range(CUTS):
        written.path.write_bytes(content[: len(content) * cut // CUTS])
        told = refusal(written.path, dataset, asked=written.asked, normalisation=written.normalisation)
        assert str(written.path) in told


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))])
@pytest.mark.parametrize("place", ["whole", "inside"])
def test_code_in_pickles_is_not_run(save, place, dataset, tmp_path):
    content = Touch(tmp_path / "run")
    content = {"images": pictures(), "labels": content} if place == "inside" else content
    save(content, tmp_path / "set.pt")
    told = refusal(tmp_path / "set.pt", dataset)
    assert "might run code, so it is not read" in told
    assert "weights_only" not in told, "PyTorch's advice is to run it"
    assert not (tmp_path / "run").exists()


def test_code_in_npz_and_labels_is_not_run(dataset, tmp_path):
    hostile = np.array([Touch(tmp_path / "run")] * 10, dtype=object)
    np.savez(tmp_path / "set.npz", images=pictures().numpy(), labels=hostile, allow_pickle=True)
    assert "not an .npz" in refusal(tmp_path / "set.npz", dataset)
    pair = mtt(tmp_path)
    torch.save(Touch(tmp_path / "run"), tmp_path / "labels_best.pt")
    assert "might run code" in refusal(pair.path, dataset)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("module", "start"), [("h5py", b"\x89HDF\r\n\x1a\n"), ("msgpack", b"\x81\xa1a\x01")])
def test_a_missing_package_is_named(module, start, dataset, tmp_path, monkeypatch):
    (tmp_path / "set").write_bytes(start)
    monkeypatch.setitem(sys.modules, module, None)
    assert f"needs {module}; install it (pip install {module})" in refusal(tmp_path / "set", dataset)


def test_links_in_hdf5_are_not_followed(dataset, tmp_path):
    h5py = pytest.importorskip("h5py")
    written = rat_bptt(tmp_path)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["data"] = h5py.ExternalLink(str(written.path), "data")
        file["label"] = np.arange(10)
    assert "of no format that is known" in refusal(tmp_path / "link.h5", dataset)


WRONG = {
    "other size": ({"images": torch.randn(10, 1, 32, 32), "labels": LABELS}, "has images [1, 32, 32], but digits"),
    "other channels": ({"images": torch.randn(10, 3, 28, 28), "labels": LABELS}, "has images [3, 28, 28]"),
    "flat images": ({"images": torch.randn(10, 784), "labels": LABELS}, "must be [N, C, H, W]"),
    "no images": ({"images": torch.randn(0, 1, 28, 28), "labels": LABELS[:0]}, "has no images ([0, 1, 28, 28])"),
    "too few labels": (
        {"images": pictures(), "labels": LABELS[:9]},
        "labels are [9]; for these images",
    ),
    "too high": ({"images": pictures(), "labels": LABELS + 1}, "label 10 is out of range; the classes of digits"),
    "negative": ({"images": pictures(), "labels": LABELS - 1}, "label -1 is out of range"),
    "fewer classes": ({"images": pictures(), "labels": LABELS % 5}, "no image of class 5 (5) of digits"),
    "fractions": ({"images": pictures(), "labels": LABELS + 0.5}, "labels must be whole numbers"),
    "more classes": (
        {"images": pictures(), "labels": torch.full((10, 20), 0.05)},
        "labels are of 20 classes, but digits has 10",
    ),
    "no probabilities": ({"images": pictures(), "labels": torch.randn(10, 10)}, "of no format that is known"),
    "not finite": ({"images": pictures() / 0, "labels": LABELS}, "not finite"),
    "texts": ({"images": "images", "labels": "labels"}, "holds str where images, labels or rates should be"),
    "complex": ({"images": pictures() * 1j, "labels": LABELS}, "holds torch.complex64 where"),
    "sparse": ({"images": pictures().to_sparse(), "labels": LABELS}, "holds a sparse tensor where"),
    "a lone tensor": (pictures(), "--labels"),
    "a number": (3.0, "of no format that is known by its content; name it by --format"),
    "an empty dc": ({"data": []}, "has no experiment 0; they are counted from 0, and there is none"),
    "a dc of halves": ({"data": [[pictures()]]}, "must be a pair"),
    "a zero rate": ([(pictures(), LABELS, torch.tensor(0.0))], "a learning rate is no positive number"),
    "steps unlike": (
        [(pictures(), LABELS, torch.tensor(0.1)), (pictures(20), LABELS.repeat(2), torch.tensor(0.1))],
        "of several shapes",
    ),
    "a part of ours": (
        {"images": pictures()[None], "labels": LABELS, "lrs": 1, "mean": 1, "std": 1, "info": {}},
        "dataset: is missing; add it",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_contents_are_refused(name, dataset, tmp_path):
    content, told = WRONG[name]
    torch.save(content, tmp_path / "set.pt")
    assert told in refusal(tmp_path / "set.pt", dataset)


def test_files_of_a_shape_that_no_reader_expects_are_refused(dataset, tmp_path):
    told = "cannot be read as {} ("
    torch.save([pictures(), LABELS[:, None]], tmp_path / "data.pt")
    assert told.format("idc") in refusal(tmp_path / "data.pt", dataset, asked=Asked(factor=1))
    targets = np.random.default_rng(0).standard_normal((10, 10))
    np.savez(tmp_path / "kip.npz", images=np.zeros(10), labels=targets)
    assert told.format("kip") in refusal(tmp_path / "kip.npz", dataset)
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["data"], file["label"] = np.zeros((10, 0)), np.arange(10)
    assert told.format("rat-bptt") in refusal(tmp_path / "empty.h5", dataset)


@pytest.mark.parametrize("shares", [["x"], [None], [torch.ones(3)], {}])
def test_accuracies_that_are_none_do_not_keep_the_images_out(shares, dataset, tmp_path):
    torch.save({"data": [[pictures(), LABELS]], "accs_all_exps": {"ConvNet": shares}}, tmp_path / "res.pt")
    read = import_set(tmp_path / "res.pt", dataset, asked=Asked(), normalisation="dataset").distilled
    assert torch.equal(read.images, pictures()[None])
    assert "accuracies" not in read.info["imported_from"]


@pytest.mark.parametrize("name", ["dc", "idc", "kip", "frepo", "rcig", "rat-bptt", "wang", "folder", "dd", "plain"])
def test_a_format_named_wrongly_is_refused(name, dataset, tmp_path):
    torch.save(pictures(), tmp_path / "images.pt")
    torch.save(LABELS, tmp_path / "labels.pt")
    assert "images.pt" in refusal(tmp_path / "images.pt", dataset, name=name)


def test_folders_of_other_classes_or_sizes_are_refused(dataset, tmp_path):
    for number in range(10):
        (tmp_path / "set" / f"digit {number}").mkdir(parents=True)
        Image.new("L", (28, 28)).save(tmp_path / "set" / f"digit {number}" / "0.png")
    assert "has the classes ['digit 0'" in refusal(tmp_path / "set", dataset, normalisation=None)
    Image.new("L", (20, 20)).save(tmp_path / "set/digit 3/0.png")
    assert "has another size than" in refusal(tmp_path / "set", dataset, normalisation=None)


def test_what_a_file_does_not_say_is_asked_for(dataset, tmp_path):
    pair, packed = mtt(tmp_path), idc(tmp_path)
    assert "--normalisation: " in refusal(pair.path, dataset, normalisation=None)
    assert "--data: " in refusal(pair.path, None)
    assert "--factor" in refusal(packed.path, dataset, normalisation=None)
    (tmp_path / "labels_best.pt").unlink()
    assert "name the file of their labels by --labels" in refusal(pair.path, dataset)
    assert "the field has no numbers for digits" in refusal(WRITERS["wang"](tmp_path).path, dataset, normalisation=None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"normalisation": "zca"},
            "--normalisation: 'zca' must be one of field, dataset, pixels, MEAN/STD",
        ),
        ({"normalisation": "0.1/0"}, "standard deviations must be above 0"),
        ({"normalisation": "0.1,0.2/0.3"}, "of MEAN/STD, both have one number"),
        ({"asked": Asked(experiment=1)}, "--experiment: means nothing for the format mtt"),
        ({"asked": Asked(labels=Path("nowhere.pt"))}, "nowhere.pt: no such file"),
        ({"epochs": 3}, "has no learned rate"),
        ({"net": "ConvNet"}, "ConvNet"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, told, dataset, tmp_path):
    assert told in refusal(mtt(tmp_path).path, dataset, **options)


def test_bytes_are_pixels(dataset, tmp_path):
    images = torch.randint(256, (10, 1, 28, 28), dtype=torch.uint8)
    torch.save({"images": images, "labels": LABELS}, tmp_path / "set.pt")
    read = import_set(tmp_path / "set.pt", dataset, asked=Asked())
    torch.testing.assert_close(read.distilled.images[0], (images / 255 - dataset.mean) / dataset.std)
    assert "holds bytes, which are pixels" in refusal(tmp_path / "set.pt", dataset)


def test_the_command_writes_nothing_when_it_refuses(dd, digits, tmp_path):
    torch.save({"images": pictures(), "labels": LABELS + 1}, tmp_path / "set.pt")
    out = tmp_path / "set.safetensors"
    done = dd("import", tmp_path / "set.pt", "--data", digits, "--normalisation=dataset", "--out", out)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not out.exists()
    done = dd("import", tmp_path / "none.pt", "--data", digits, "--out", out)
    assert done.stderr == f"error: {tmp_path / 'none.pt'}: no such file\n"


@pytest.mark.parametrize("name", WRITERS)
def test_load_says_how_a_foreign_set_is_imported(name, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    path = WRITERS[name](tmp_path).path
    with pytest.raises(UserError, match=f"import it first: python -m dd import {path} --data DATASET.npz --out"):
        package.load(path)


def test_other_zip_archives_and_texts_are_refused(dataset, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("readme", "nothing")
    assert "truncated or damaged" in refusal(tmp_path / "set.zip", dataset)
    (tmp_path / "set.txt").write_text("nothing")
    assert "neither .pt, .npz, .h5, msgpack nor a folder" in refusal(tmp_path / "set.txt", dataset)


ALTERED = {
    "labels too high": (lambda ours: {"labels": ours.labels + 99}, "labels must be whole numbers from 0 to 9"),
    "labels below 0": (lambda ours: {"labels": ours.labels - 1}, "labels must be whole numbers from 0 to 9"),
    "halves as labels": (lambda ours: {"labels": ours.labels + 0.5}, "labels must be whole numbers from 0 to 9"),
    "no probabilities": (lambda _: {"labels": torch.randn(1, 10, 10)}, "labels must be probabilities of 10 classes"),
    "not adding up to 1": (lambda _: {"labels": torch.ones(1, 10, 10)}, "labels must be probabilities of 10 classes"),
    "of other classes": (lambda _: {"labels": torch.ones(1, 10, 9) / 9}, "labels must be probabilities of 10 classes"),
    "a rate below 0": (lambda ours: {"lrs": -ours.lrs}, "lrs must be above 0"),
    "no rate": (lambda ours: {"lrs": ours.lrs / 0}, "lrs are not finite"),
    "a deviation of 0": (lambda ours: {"std": 0 * ours.std}, "std must be above 0"),
    "bytes": (lambda ours: {"images": ours.images.byte()}, "images are torch.uint8; they must be torch.float32"),
    "no settings": (lambda ours: {"info": ours.info | {"config": {}}}, "config.net: is missing; add it"),
    "no init of ours": (
        lambda ours: {"info": ours.info | {"config": ours.info["config"] | {"init": "bogus"}}},
        "config.init: 'bogus' is not one of",
    ),
    "rates of other steps": (lambda _: {"lrs": torch.full((2, 3), 0.1)}, "lrs is [2, 3], for 1 steps of an epoch"),
    "rates of other epochs": (
        lambda _: {"lrs": torch.full((3, 1), 0.1)},
        "lrs of 3 epochs, but info['config'] says 1 and 2",
    ),
    "rates in double precision": (lambda ours: {"lrs": ours.lrs.double()}, "lrs are torch.float64"),
    "infinite weights": (lambda _: {"fixed_weights": torch.ones(9) / 0}, "fixed_weights are not finite"),
    "double weights": (lambda _: {"fixed_weights": torch.ones(9).double()}, "fixed_weights are torch.float64"),
    "no images": (lambda ours: {"images": ours.images[:, :0], "labels": ours.labels[:, :0]}, "so there are none"),
    "a mean of three channels": (lambda _: {"mean": torch.zeros(3)}, "mean is [3], for images [1, 28, 28]"),
    "a text of classes": (lambda ours: {"info": ours.info | {"classes": "abc"}}, "classes"),
    "a tensor in the metadata": (lambda ours: {"info": ours.info | {"x": torch.ones(1)}}, "not JSON serializable"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_set_of_ours_that_cannot_be_is_refused(name, dataset, tmp_path):
    ours = import_set(WRITERS["plain"](tmp_path).path, dataset, asked=Asked(), normalisation="dataset").distilled
    config = ours.info["config"] | {"epochs": 2}
    ours = replace(ours, lrs=torch.full((2, 1), 0.1), info=ours.info | {"config": config})
    change, told = ALTERED[name]
    to_pt(replace(ours, **change(ours)), tmp_path / "ours.pt")
    assert told in refusal(tmp_path / "ours.pt", dataset, normalisation=None)


def test_a_whole_set_of_ours_is_held_against_the_data_named(dataset, tmp_path):
    ours = import_set(WRITERS["plain"](tmp_path).path, dataset, asked=Asked(), normalisation="dataset")
    to_pt(ours.distilled, tmp_path / "ours.pt")
    other = replace(dataset, classes=list("abcdefghij"))
    assert "has other classes than the set" in refusal(tmp_path / "ours.pt", other, normalisation=None)
    assert "--normalisation: means nothing for" in refusal(tmp_path / "ours.pt", dataset)
    noisy = replace(dataset, name="noisy", info=dataset.info | {"sha256": "0" * 64})
    assert not import_set(tmp_path / "ours.pt", dataset, asked=Asked()).warnings
    (warning,) = import_set(tmp_path / "ours.pt", noisy, asked=Asked()).warnings
    assert re.fullmatch(r"was distilled from other data \(digits, sha256 \w{8}\.\.\.\) than these \(noisy\)", warning)
