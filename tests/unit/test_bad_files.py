"""Damaged and malicious files for every loader there is: refused in one line, or read as they were written."""

import pickle
import random
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from dd.data.dataset import read_npz
from dd.data.svhn import svhn
from dd.data.voc import voc2007
from dd.data.weights import _read as read_pth
from dd.distill.steps import DistilledSet
from dd.nets.pretrained import PretrainedFile
from dd.runtime.artifacts import load_tensors, save_tensors
from dd.runtime.errors import UserError
from dd.runtime.pools import PARTS, PoolFolder, save_shard
from tests.unit.test_data import arrays
from tests.unit.test_official import MEMBERS, pack

FLIPS, CUTS = 120, 20


def npz(path: Path, save=np.savez):
    save(path, **arrays())
    return partial(read_npz, path)


def mat(path: Path):
    random = np.random.default_rng(0)
    labels = np.arange(1, 11, dtype=np.uint8)[:, None]
    savemat(path, {"X": random.integers(0, 256, (32, 32, 3, 10), np.uint8), "y": labels}, do_compression=True)
    return partial(svhn, path, path)


def tar(path: Path):
    pack(path, {name.format(split="trainval"): content for name, content in MEMBERS.items()})
    test = pack(path.with_name("test.tar"), {name.format(split="test"): content for name, content in MEMBERS.items()})
    return partial(voc2007, path, test, 8)


def pth(path: Path):
    torch.save({"conv.weight": torch.randn(6, 25)}, path)
    return partial(read_pth, path)


def tensors(path: Path):
    save_tensors(path, {"x": torch.randn(30)}, {"name": "own", "mean": [0.5], "std": [0.5]})
    return partial(load_tensors, path)


def shard(path: Path):
    for part, file in zip(PARTS, (path, path.with_name("other.safetensors")), strict=True):
        save_shard(file, torch.randn(3, 20), torch.rand(3), part, 0, 3, {"net": "LeNet", "classes": ["a"]})
    return lambda: PoolFolder(path.parent).rows("train", range(3))


FORMATS = {
    "npz": npz,
    "compressed.npz": partial(npz, save=np.savez_compressed),
    "mat": mat,
    "tar": tar,
    "tgz": tar,
    "pth": pth,
    "safetensors": tensors,
    "shard.safetensors": shard,
}


@pytest.mark.parametrize("kind", FORMATS)
def test_flipped_and_cut_files_are_one_error(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    read = FORMATS[kind](path)
    read()
    content, chance = path.read_bytes(), random.Random(0)
    damaged = [content[: chance.randrange(len(content))] for _ in range(CUTS)]
    for _ in range(FLIPS):
        flipped = bytearray(content)
        flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(flipped))
    refusals = []
    for text in damaged:
        path.write_bytes(text)
        try:
            read()
        except UserError as error:
            refusals.append(str(error))
    assert len(refusals) >= CUTS // 2  # a tar ends in zeros that nobody misses
    for refusal in refusals:
        assert str(path) in refusal or "is missing" in refusal
        assert "\n" not in refusal


class Code:
    """What would make a folder if it were unpickled."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return Path.mkdir, (self.folder,)


def objects_in_npz(path: Path, code: Code):
    np.savez(path, **arrays(x_train=np.array([code] * 20, dtype=object)))


def bare_pickle(path: Path, code: Code):
    path.write_bytes(pickle.dumps({"a": code}, protocol=2))


def torch_pickle(path: Path, code: Code):
    torch.save({"a": code}, path)


def pickle_named_npy(path: Path, code: Code):
    with zipfile.ZipFile(path, "w") as file:
        for name in arrays():
            file.writestr(f"{name}.npy", pickle.dumps(code))


READERS = {
    "prepared dataset": read_npz,
    "SVHN's .mat": lambda path: svhn(path, path),
    "VOC's archive": lambda path: voc2007(path, path, 8),
    "weights of others": read_pth,
    "prepared weights": PretrainedFile.load,
    "distilled set": DistilledSet.load,
    "pool": lambda path: PoolFolder(path.parent),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("write", [objects_in_npz, bare_pickle, torch_pickle, pickle_named_npy])
def test_code_is_never_run(tmp_path, write, reader):
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:  # numpy would add its own ending to a name
        write(file if write is objects_in_npz else path, Code(tmp_path / "run"))
    with pytest.raises(UserError) as refusal:
        READERS[reader](path)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_members_of_an_npz_that_would_leave_the_folder_are_never_written(tmp_path):
    path = tmp_path / "in" / "x.npz"
    path.parent.mkdir()
    np.savez(path, **arrays())
    with zipfile.ZipFile(path, "a") as file:
        for name in ("../escaped.npy", f"{tmp_path}/absolute.npy", "../../escaped"):
            file.writestr(name, "evil")
    assert sorted(read_npz(path)) == sorted(arrays())
    assert list(tmp_path.rglob("*")) == [path.parent, path]


def test_a_shard_that_was_being_written_when_its_job_was_killed_is_no_part_of_a_pool(tmp_path):
    read = shard(tmp_path / "train.safetensors")
    rows = read()
    (tmp_path / ".train.x1y2z3.safetensors").write_bytes((tmp_path / "train.safetensors").read_bytes()[:99])
    assert torch.equal(read(), rows)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    torch.save({"a": torch.ones(3), "b": torch.tensor([1.0, float("nan")])}, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"x\.pth: b holds values that are no finite numbers"):
        read_pth(tmp_path / "x.pth")
