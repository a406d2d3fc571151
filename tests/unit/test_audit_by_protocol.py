"""Audits of sets without rates of their own, and of whitened ones."""

import pytest
import torch

from dd import load as load_set
from dd.data.prepared import load
from dd.data.whitening import WHITENINGS
from dd.evaluation.audit import audit, nearest_training_images
from dd.evaluation.held_out import evaluate
from dd.evaluation.plain_nets import initial_for
from dd.evaluation.protocols import PROTOCOLS
from dd.sets.imports import import_set
from dd.sets.set_format import Asked


@pytest.fixture(scope="module")
def dataset(digits):
    return load(digits)


def imported(folder, dataset, normalisation):
    """Ten whitened training images, made as other programs make them."""
    rows = torch.stack([(dataset.y_train == label).nonzero()[0, 0] for label in range(10)])
    images = (dataset.x_train[rows] / 255 - dataset.mean.view(-1, 1, 1)) / dataset.std.view(-1, 1, 1)
    if normalisation in WHITENINGS:
        kind = WHITENINGS[normalisation]
        zeros, ones = torch.zeros(1), torch.ones(1)
        images = kind.fit(dataset.x_train, zeros, ones)(dataset.x_train[rows] / 255)
    torch.save({"images": images, "labels": torch.arange(10)}, folder / "set.pt")
    return import_set(folder / "set.pt", dataset, asked=Asked(), normalisation=normalisation, net="MLP"), rows


@pytest.mark.parametrize("normalisation", ["dataset", "kornia-zca", "unit-norm-zca"])
def test_copies_of_training_images_are_found_and_nets_are_those_of_the_protocol(normalisation, dataset, tmp_path):
    (distilled, _, warnings), rows = imported(tmp_path, dataset, normalisation)
    assert not warnings
    initial = initial_for(distilled, PROTOCOLS["dc"])
    found = audit(distilled, dataset, initial, 2, protocol="dc")
    assert torch.equal(dataset.x_train[found.nearest.rows], dataset.x_train[rows])  # some digits are there twice
    assert found.nearest.distances.max() < 0.01
    table = evaluate(distilled, dataset, initial, 2, protocol="dc")
    assert found.accuracy.tolist() == pytest.approx(table[table["stage"] == "after"]["accuracy"].tolist(), abs=1e-3)
    assert found.confusion.diagonal().mean() == pytest.approx(found.accuracy.mean(), abs=3)  # classes differ in size


def test_the_command_says_what_a_set_without_rates_needs(dd, dataset, digits, tmp_path):
    imported(tmp_path, dataset, "dataset")[0].distilled.save(tmp_path / "set.safetensors")
    told = dd("audit", tmp_path / "set.safetensors", "--data", digits).stderr
    assert "no native protocol; use another (--protocol dc)" in told
    done = dd("audit", tmp_path / "set.safetensors", "--data", digits, "--protocol", "dc", "--nets", 1)
    assert done.returncode == 0, done.stderr
    assert "membership advantage" in done.stdout
    kept = load_set(tmp_path / "set.safetensors")
    assert nearest_training_images(kept.images.flatten(0, 1), dataset, kept).distances.max() < 0.01
