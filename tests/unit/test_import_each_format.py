"""The same faults in a file of each format: other classes, other sizes, code."""

import pytest
import torch

from dd.data.prepared import load
from tests.unit import foreign_sets
from tests.unit.foreign_sets import NEEDS, WRITERS
from tests.unit.test_import_faults import Touch, refusal

PICKLED = ("dc", "mtt", "datm", "idc", "wang", "plain")


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


def refused(written, dataset):
    told = refusal(written.path, dataset, asked=written.asked, normalisation=written.normalisation)
    assert str(written.path) in told
    return told


@pytest.fixture(params=WRITERS)
def write(request, tmp_path):
    """A writer of one format."""
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    return lambda: WRITERS[request.param](tmp_path)


@pytest.mark.parametrize("classes", [9, 11])
def test_a_set_of_other_classes_is_refused(write, dataset, classes, monkeypatch):
    monkeypatch.setattr(foreign_sets, "CLASSES", classes)
    told = refused(write(), dataset)
    of_labels = "no image of class 9 (9)" if classes == 9 else "label 10 is out of range; the classes"
    assert any(text in told for text in (of_labels, f"are of {classes} classes, but", "has the classes ['0'")), told


def test_images_of_another_size_are_refused(write, dataset, monkeypatch):
    monkeypatch.setattr(foreign_sets, "SIDE", 20)
    assert "has images [1, 20, 20], but digits [1, 28, 28]" in refused(write(), dataset)


@pytest.mark.parametrize("name", PICKLED)
def test_code_in_any_of_its_files_is_not_run(name, dataset, tmp_path):
    written = WRITERS[name](tmp_path)
    paths = list(tmp_path.glob("*.pt*"))
    assert written.path in paths
    for path in paths:
        content = torch.load(path, weights_only=False)  # our own, just written
        torch.save([content, Touch(tmp_path / "run")], path)
        told = refusal(written.path, dataset, asked=written.asked, normalisation=written.normalisation)
        assert told.startswith(f"{path}: ")
        assert "might run code" in told
        assert not (tmp_path / "run").exists()
        torch.save(content, path)


def test_sets_of_this_program_need_no_import(dataset, tmp_path):
    (tmp_path / "ours.safetensors").write_bytes(b"of whatever content")
    assert "a set of this program needs no import" in refusal(tmp_path / "ours.safetensors", dataset)
