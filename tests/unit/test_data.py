import gzip
import io
import json
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dd.data.batches import normalise
from dd.data.datasets import DATASETS
from dd.data.idx import IDX_FILES
from dd.data.mirror import array_digest
from dd.data.obtain import prepare
from dd.data.prepared import check, load
from dd.runtime.errors import UserError


def arrays(**changes):
    random = np.random.default_rng(0)
    made = {
        "x_train": random.integers(0, 256, (20, 8, 8), np.uint8),
        "y_train": np.arange(20, dtype=np.uint8) % 10,
        "x_test": random.integers(0, 256, (10, 8, 8), np.uint8),
        "y_test": np.arange(10, dtype=np.uint8),
    }
    return {key: value for key, value in (made | changes).items() if value is not None}


@pytest.fixture
def folder(tmp_path):
    """A mirror with a made-up mnist.npz."""

    def make(**changes):
        np.savez(tmp_path / "mnist.npz", **arrays(**changes))
        return tmp_path

    return make


def test_digits(digits):
    data = load(digits)
    assert data.x_train.shape == (1297, 1, 28, 28)
    assert len(data.x_test) == 500
    assert data.classes == list("0123456789")
    x = normalise(data.x_train, data.mean, data.std)
    assert x.mean().abs() < 1e-4
    assert (x.std() - 1).abs() < 1e-4
    assert set(data.info) >= {"train", "test", "mean", "std", "classes", "source", "fidelity", "sha256"}


def test_preparing_again_gives_the_same_bytes(digits, tmp_path):
    first = json.loads(digits.with_suffix(".json").read_text())
    assert prepare("digits", tmp_path / "again.npz") == first


def test_mirror_is_used_and_copied_as_it_is(folder, tmp_path):
    mirror = folder()
    info = prepare("mnist", tmp_path / "out" / "mnist.npz", mirror)
    assert (tmp_path / "out" / "mnist.npz").read_bytes() == (mirror / "mnist.npz").read_bytes()
    assert info["source"] == "mirror, mnist.npz"
    assert "differs from the official bytes: x_train" in info["fidelity"]


def test_a_mirrors_remark_travels_with_the_data(folder, tmp_path):
    mirror = folder()
    (mirror / "mnist.txt").write_text("Test images 1,000 to 9,999\nwere decoded from JPEG “75”.\n", "utf-8")
    info = prepare("mnist", tmp_path / "mnist.npz", mirror)
    assert info["fidelity"].endswith("; Test images 1,000 to 9,999 were decoded from JPEG “75”.")
    assert load(tmp_path / "mnist.npz").info["fidelity"] == info["fidelity"]
    (mirror / "mnist.txt").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"mnist\.txt: cannot be read as text in UTF-8 \('utf-8' codec"):
        prepare("mnist", tmp_path / "mnist.npz", mirror)


def test_real_mnist_from_the_mirror(mirror, tmp_path):
    info = prepare("mnist", tmp_path / "mnist.npz", mirror)
    assert info["fidelity"] == "equal to the official bytes"
    assert info["mean"][0] == pytest.approx(0.1307, abs=1e-4)
    assert info["std"][0] == pytest.approx(0.3081, abs=1e-4)
    assert load(tmp_path / "mnist.npz").x_train.shape == (60_000, 1, 28, 28)


def test_real_cifar10_says_what_is_not_official(mirror, tmp_path):
    info = prepare("cifar10", tmp_path / "cifar10.npz", mirror)
    assert info["fidelity"].startswith("not checked against the official bytes: x_test, y_test")
    assert info["mean"] == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)


def write_idx(folder, name, arrays, monkeypatch):
    """The four files, as if these were the official arrays of `name`."""
    folder.mkdir(exist_ok=True)
    digests = {key: array_digest(array) for key, array in arrays.items()}
    monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], array_digests=digests))
    for key, array in arrays.items():
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (folder / IDX_FILES[key]).write_bytes(gzip.compress(header + array.tobytes()))


@pytest.mark.parametrize("folder", ["fashion-mnist", "."])
def test_idx_files_in_the_mirror(tmp_path, monkeypatch, folder):
    made = arrays()
    write_idx(tmp_path / folder, "fashion_mnist", made, monkeypatch)
    info = prepare("fashion_mnist", tmp_path / "out" / "fashion_mnist.npz", tmp_path)
    assert info["fidelity"] == "equal to the official bytes"
    assert info["classes"][9] == "ankle boot"
    data = load(tmp_path / "out" / "fashion_mnist.npz")
    assert np.array_equal(data.x_test[:, 0], made["x_test"])
    assert np.array_equal(data.y_train, made["y_train"])


def test_idx_files_of_another_dataset_or_cut_off_are_refused(tmp_path, monkeypatch):
    write_idx(tmp_path, "fashion_mnist", arrays(), monkeypatch)
    with pytest.raises(UserError, match=r"train-images.*not those of mnist; .* folders mnist and fashion-mnist"):
        prepare("mnist", tmp_path / "out.npz", tmp_path)
    path = tmp_path / IDX_FILES["x_train"]
    whole = path.read_bytes()
    for content in (whole[:200], b"", gzip.compress(b"\0\0"), gzip.compress(gzip.decompress(whole)[:-1]), b"<html>"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"train-images.*: cut off or not in IDX format"):
            prepare("fashion_mnist", tmp_path / "out.npz", tmp_path)
    assert not (tmp_path / "out.npz").exists()


def test_debians_fashion_mnist(tmp_path):
    debian = Path("/usr/share/datasets")
    if not (debian / "fashion-mnist").exists():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    info = prepare("fashion_mnist", tmp_path / "fashion_mnist.npz", debian)
    assert info["fidelity"] == "equal to the official bytes"
    assert (info["train"], info["test"], info["image"]) == (60_000, 10_000, [28, 28])


DAMAGE = {
    "missing array": ({"y_test": None}, "array y_test is missing"),
    "dtype": ({"x_train": np.zeros((20, 8, 8), np.float32)}, "must be uint8"),
    "shape": ({"x_train": np.zeros((20, 8, 9), np.uint8)}, r"x_train is \[20, 8, 9\]"),
    "channels": ({"x_train": np.zeros((20, 8, 8, 2), np.uint8)}, r"must be \[N, S, S\] or \[N, S, S, 3\]"),
    "lengths": ({"y_train": np.zeros(19, np.uint8)}, r"y_train is \[19\] for 20 images"),
    "test size": ({"x_test": np.zeros((10, 9, 9), np.uint8)}, "unlike the training images"),
    "label": ({"y_test": np.array([10, *range(1, 10)], np.uint8)}, "has label 10, but there are 10 classes"),
    "empty class": ({"y_train": np.arange(20, dtype=np.uint8) % 9}, "class 9 has no train images"),
    "pickle": ({"x_train": np.array([{}] * 20, dtype=object)}, "truncated or not an .npz"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_arrays_are_refused_and_nothing_is_written(folder, tmp_path, case):
    changes, message = DAMAGE[case]
    with pytest.raises(UserError, match=message):
        prepare("mnist", tmp_path / "out" / "mnist.npz", folder(**changes))
    assert not list(tmp_path.glob("out/*"))


def test_a_mirror_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "mnist.npz").mkdir()  # as root may read any file
    with pytest.raises(UserError, match=r"mnist\.npz: cannot be read \(Is a directory\)"):
        prepare("mnist", tmp_path / "out.npz", tmp_path)
    (tmp_path / "cifar-10-python.tar.gz").mkdir()
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz: cannot be read \(Is a directory\)"):
        prepare("cifar10", tmp_path / "out.npz", tmp_path)
    (tmp_path / "usps.npz").touch()
    (tmp_path / "SHA256SUMS").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="SHA256SUMS: cannot be read as text"):
        prepare("usps", tmp_path / "out.npz", tmp_path)


def test_truncated_file(folder, tmp_path):
    mirror = folder()
    content = (mirror / "mnist.npz").read_bytes()
    (mirror / "mnist.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"mnist\.npz: truncated or not an \.npz file.*fetch it again"):
        prepare("mnist", tmp_path / "out.npz", mirror)


def test_checksum_mismatch(folder, tmp_path):
    mirror = folder()
    (mirror / "SHA256SUMS").write_text(f"{'0' * 64}  mnist.npz\n")
    with pytest.raises(UserError, match=r"SHA-256 is .*/SHA256SUMS says 0000.*copy the file again"):
        prepare("mnist", tmp_path / "out.npz", mirror)


def test_no_mirror_file_and_no_network(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(UserError, match=r"mnist: the download failed.*put a prepared mnist\.npz into a folder"):
        prepare("mnist", tmp_path / "mnist.npz", mirror=tmp_path)
    assert not list(tmp_path.iterdir())


def test_unknown_dataset_and_missing_mirror(tmp_path):
    with pytest.raises(UserError, match="dataset 'mnits' is not known: use one of mnist, fashion_mnist, cifar10"):
        prepare("mnits", tmp_path / "x.npz")
    with pytest.raises(UserError, match=r"data\.mirror: .* is not a folder"):
        prepare("mnist", tmp_path / "x.npz", mirror=tmp_path / "nowhere")


def test_a_changed_file_does_not_load(digits, tmp_path):
    copy = tmp_path / "digits.npz"
    copy.write_bytes(digits.read_bytes())
    info = json.loads(digits.with_suffix(".json").read_text())
    copy.with_suffix(".json").write_text(json.dumps(info | {"sha256": "0" * 64}))
    with pytest.raises(UserError, match="does not match the checksum"):
        load(copy)
    copy.with_suffix(".json").unlink()
    with pytest.raises(UserError, match=r"digits\.json: no such file; prepare it again"):
        load(copy)


def test_a_constant_channel_is_left_as_it_is(folder, tmp_path):
    info = prepare("mnist", tmp_path / "out.npz", folder(x_train=np.full((20, 8, 8), 51, np.uint8)))
    assert (info["mean"], info["std"]) == (pytest.approx([0.2]), [1.0])


def test_a_sane_file_passes():
    check(arrays(), 10, "here")


def test_normalise_each_channel():
    x = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    out = normalise(x, torch.tensor([0.0, 0.5, 1.0]), torch.tensor([1.0, 0.5, 0.25]))
    assert out[0, :, 0, 0].tolist() == [1.0, 1.0, 0.0]


def test_npz_with_code_is_not_executed(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    buffer = io.BytesIO()
    np.savez(buffer, **arrays(x_train=np.array([Bomb()], dtype=object)))
    (tmp_path / "mnist.npz").write_bytes(buffer.getvalue())
    with pytest.raises(UserError):
        prepare("mnist", tmp_path / "out.npz", mirror=tmp_path)
    assert not (tmp_path / "executed").exists()


def test_every_kind_of_damage_to_a_prepared_file_is_one_error(digits, tmp_path):
    copy = tmp_path / "digits.npz"
    copy.with_suffix(".json").write_bytes(digits.with_suffix(".json").read_bytes())
    content = digits.read_bytes()
    for position in range(0, len(content), len(content) // 50):
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        copy.write_bytes(flipped)
        with pytest.raises(UserError, match="does not match the checksum"):
            load(copy)
    copy.write_bytes(content)
    for broken in ("[]", "{}", "{"):
        copy.with_suffix(".json").write_text(broken)
        with pytest.raises(UserError, match="not the metadata of a dataset"):
            load(copy)


def test_a_single_array_is_no_npz(tmp_path):
    np.save(tmp_path / "mnist.npy", np.zeros(3))
    (tmp_path / "mnist.npy").rename(tmp_path / "mnist.npz")
    with pytest.raises(UserError, match=r"truncated or not an \.npz"):
        prepare("mnist", tmp_path / "out.npz", mirror=tmp_path)


def test_the_file_to_write_must_be_an_npz(tmp_path):
    with pytest.raises(UserError, match=r"must end in \.npz"):
        prepare("digits", tmp_path / "digits")
