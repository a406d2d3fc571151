"""Damaged and malicious files for every loader there is: refused in one line, nothing in them is run."""

import pickle
import random
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torchvision.datasets.utils import calculate_md5

from dd.data.datasets import DATASETS
from dd.data.datasets.svhn import svhn
from dd.data.datasets.voc2007 import CLASSES, voc2007
from dd.data.obtain import prepare
from dd.data.prepared import read_npz
from dd.data.weights import WEIGHTS, PretrainedWeights, download, prepare_weights, read_tensors
from dd.distill.distilled_set import DistilledSet
from dd.nets.pretrained import PretrainedFile
from dd.pools.store import PARTS, PoolFolder, save_shard
from dd.runtime.errors import UserError
from dd.runtime.files import load_tensors, save_tensors, sha256
from tests.unit.test_data import arrays
from tests.unit.test_official import BLUE, LEFT, RED, VOC, annotation, jpeg, pack

FLIPS, CUTS = 120, 20


def npz(path: Path, save=np.savez):
    save(path, **arrays())
    return partial(read_npz, path)


def tensors(path: Path):
    save_tensors(path, {"x": torch.randn(30)}, {"name": "own", "mean": [0.5], "std": [0.5]})
    return partial(load_tensors, path)


def shard(path: Path):
    for part, file in zip(PARTS, (path, path.with_name("other.safetensors")), strict=True):
        pool = {"net": "LeNet", "classes": ["a"]}
        save_shard(file, torch.randn(3, 20), torch.rand(3), part=part, first=0, total=3, pool=pool)
    return lambda: PoolFolder(path.parent).rows("train", range(3)).numpy()


CHECKED = {
    "npz": npz,
    "compressed.npz": partial(npz, save=np.savez_compressed),
    "safetensors": tensors,
    "shard.safetensors": shard,
}
"""Formats whose files hold checksums of what is in them: a writer and reader of each."""


def mat(path: Path):
    labels = np.arange(1, 11, dtype=np.uint8)[:, None]
    x = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 10), np.uint8)
    savemat(path, {"X": x, "y": labels}, do_compression=True)
    shutil.copy(path, path.with_name("test.mat"))
    return "svhn", partial(svhn, path, path)


def tar(path: Path):
    members = {
        "Annotations/1.xml": annotation(*((name, 0, *LEFT) for name in CLASSES)),
        "JPEGImages/1.jpg": jpeg(RED, BLUE),
        **{f"ImageSets/Main/{split}.txt": "1" for split in ("trainval", "test")},
    }
    pack(path, {f"{VOC}/{name}": content for name, content in members.items()})
    shutil.copy(path, path.with_name("test.tar"))
    return "voc2007", partial(voc2007, path, path, size=8)


def pth(path: Path):
    torch.save({"conv.weight": torch.randn(6, 25)}, path)
    return "own", partial(read_tensors, path)


OFFICIAL = {"mat": mat, "tar": tar, "tgz": tar, "pth": pth}
"""Formats of others, which hold no such checksums or none of everything: a writer of each, the name of what is in it,
and its reader, which comes after the checksum of the whole file."""


def damaged(content: bytes) -> list[bytes]:
    """A file cut off, and with a bit flipped, at random places."""
    chance = random.Random(0)
    variants = [content[: chance.randrange(len(content))] for _ in range(CUTS)]
    for _ in range(FLIPS):
        flipped = bytearray(content)
        flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        variants.append(bytes(flipped))
    return variants


def refusals(path: Path, read: Callable) -> tuple[int, list]:
    """How often damage to a file is refused, each time in one line that names it, and what else was read."""
    said, others = [], []
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        try:
            others.append(read())
        except UserError as error:
            said.append(str(error))
    for text in said:
        assert str(path) in text or "is missing" in text
        assert "\n" not in text
    return len(said), others


@pytest.mark.parametrize("kind", CHECKED)
def test_flipped_and_cut_files_are_refused_or_read_as_they_were(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    read = CHECKED[kind](path)
    whole = read()
    refused, others = refusals(path, read)
    assert refused >= CUTS
    for contents in others:  # a bit that nobody reads, as of the time of a member
        np.testing.assert_equal(contents, whole)


@pytest.mark.parametrize("kind", OFFICIAL)
def test_flipped_and_cut_files_of_others_are_refused_by_their_checksum(tmp_path, monkeypatch, kind):
    """As they come to `prepare` and `prepare_weights`, from a mirror or a download."""
    path, out = tmp_path / f"x.{kind}", tmp_path / "out" / ("x.safetensors" if kind == "pth" else "x.npz")
    name, _ = OFFICIAL[kind](path)
    if kind == "pth":
        path = path.rename(tmp_path / f"own-{sha256(path)[:8]}.pth")
        own = PretrainedWeights(description="own", file=path.name, fetch=download, mean=(0.5,), std=(0.5,))
        monkeypatch.setitem(WEIGHTS, name, own)
        read = partial(prepare_weights, name, out, tmp_path)
    else:
        files = [path, path.with_name("test.mat" if kind == "mat" else "test.tar")]
        md5 = {f"http://127.0.0.1:1/{file.name}": calculate_md5(file) for file in files}
        monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], files=md5))
        read = partial(prepare, name, out, tmp_path)
    read()
    shutil.rmtree(out.parent)
    assert refusals(path, read) == (FLIPS + CUTS, [])
    assert not out.parent.exists()


@pytest.mark.parametrize("kind", OFFICIAL)
def test_readers_of_flipped_and_cut_files_of_others_end_in_one_line(tmp_path, kind):
    """Without that checksum what is refused is in one line; a flipped pixel or weight may go unnoticed."""
    path = tmp_path / f"x.{kind}"
    _, read = OFFICIAL[kind](path)
    read()
    refused, _ = refusals(path, read)
    assert refused >= CUTS // 2  # a tar ends in zeros that nobody misses


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
    "VOC's archive": lambda path: voc2007(path, path, size=8),
    "weights of others": read_tensors,
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
    assert np.array_equal(read(), rows)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    torch.save({"a": torch.ones(3), "b": torch.tensor([1.0, float("nan")])}, tmp_path / "x.pth")
    with pytest.raises(UserError, match=r"x\.pth: b holds values that are not finite"):
        read_tensors(tmp_path / "x.pth")
