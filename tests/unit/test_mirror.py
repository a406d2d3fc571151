"""Official files in a mirror: with another MD5 they are refused, and they need no network."""

import bz2
import hashlib
import pickle
import tarfile

import numpy as np
import pytest
from torchvision import datasets

from dd.data.datasets import DATASETS
from dd.data.obtain import prepare
from dd.runtime.errors import UserError


@pytest.mark.parametrize("name", ["svhn", "voc2007", "cub200", "cifar10", "usps"])
def test_a_mirror_file_with_another_md5_is_refused(tmp_path, name):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    others = {"cifar10": ["cifar-10-python.tar.gz"], "usps": ["usps.bz2"]}
    file = next(iter(DATASETS[name].files or others[name])).rpartition("/")[2]
    (mirror / file).write_bytes(b"another file")
    with pytest.raises(UserError, match=f"{file}: its MD5 is .*, but the official file's is .*copy the file again"):
        prepare(name, tmp_path / "out" / f"{name}.npz", mirror)
    assert not (tmp_path / "out").exists()
    assert (mirror / file).read_bytes() == b"another file"


def md5(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def test_official_usps_in_a_mirror_needs_no_network(tmp_path, monkeypatch):
    made = {}
    for split, file in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        lines = [" ".join([str(c + 1), *(f"{i + 1}:{(c - 5) / 5}" for i in range(256))]) + "\n" for c in range(10)]
        (tmp_path / file).write_bytes(bz2.compress("".join(lines).encode()))
        made[split] = ["http://127.0.0.1:9/nothing", file, md5(tmp_path / file)]
    monkeypatch.setattr(datasets.USPS, "split_list", made)
    info = prepare("usps", tmp_path / "prepared.npz", tmp_path)
    assert (info["train"], info["test"], info["source"]) == (
        10,
        10,
        "official files with their MD5, read by torchvision",
    )


def test_official_cifar10_in_a_mirror_needs_no_network(tmp_path, monkeypatch):
    batch = {"data": np.arange(10 * 3072, dtype=np.uint8).reshape(10, 3072), "labels": list(range(10))}
    folder = tmp_path / datasets.CIFAR10.base_folder
    folder.mkdir()
    for name, content in (("a", batch), ("b", batch), ("meta", {"label_names": [str(i) for i in range(10)]})):
        (folder / name).write_bytes(pickle.dumps(content))
    packed = tmp_path / datasets.CIFAR10.filename
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(folder, folder.name)
    meta = {"filename": "meta", "key": "label_names", "md5": md5(folder / "meta")}
    changed = {"url": "http://127.0.0.1:9/nothing", "tgz_md5": md5(packed), "meta": meta}
    changed |= {"train_list": [["a", md5(folder / "a")]], "test_list": [["b", md5(folder / "b")]]}
    for name, value in changed.items():
        monkeypatch.setattr(datasets.CIFAR10, name, value)
    info = prepare("cifar10", tmp_path / "prepared.npz", tmp_path)
    assert (info["train"], info["test"]) == (10, 10)
