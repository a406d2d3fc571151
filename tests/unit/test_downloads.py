"""Downloads from a local server that fails in every way a server can, for everything that is downloaded."""

import http.server
import threading
import time
from dataclasses import replace
from functools import partial

import pytest
from torchvision import datasets

from dd.data import downloads, weights
from dd.data.datasets import DATASETS
from dd.data.obtain import prepare
from dd.data.weights import prepare_weights
from dd.runtime.errors import UserError

BODY = b"some bytes of a file\n" * 1000
FAULTS = {
    "cut off": b"HTTP/1.0 200 OK\r\nContent-Length: 50000\r\n\r\n" + BODY,
    "another file": b"HTTP/1.0 200 OK\r\nContent-Length: 21000\r\n\r\n" + BODY,
    "empty": b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "nonsense": b"\x00\xff\x13 no HTTP at all\r\n" * 100,
    "nonsense for a length": b"HTTP/1.0 200 OK\r\nContent-Length: many\r\n\r\n" + BODY,
    "no answer": b"",
    "silence": b"HTTP/1.0 200 OK\r\nContent-Length: 50000\r\n\r\n",
    "broken": b"HTTP/1.0 500 Internal Server Error\r\n\r\n",
    "redirected to itself": b"HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n",
}


FILES = [name for name, dataset in DATASETS.items() if dataset.files]


@pytest.fixture
def server(request, monkeypatch):
    """A server with the fault `request.param`, as the source of every download."""
    over = threading.Event()

    class Faulty(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self):
            self.rfile.readline()
            self.wfile.write(FAULTS[request.param])
            self.wfile.flush()
            if request.param == "silence":
                over.wait()
            self.close_connection = True

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty) as serving:
        threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{serving.server_port}"
        for name in FILES:
            dataset = DATASETS[name]
            moved = {f"{url}/{address.rpartition('/')[2]}": md5 for address, md5 in dataset.files.items()}
            monkeypatch.setitem(DATASETS, name, replace(dataset, files=moved))
        for kind in (datasets.MNIST, datasets.FashionMNIST):
            monkeypatch.setattr(kind, "mirrors", [f"{url}/"])
        usps = {part: [f"{url}/{part}", *rest] for part, (_, *rest) in datasets.USPS.split_list.items()}
        monkeypatch.setattr(datasets.USPS, "split_list", usps)
        monkeypatch.setattr(datasets.CIFAR10, "url", f"{url}/cifar-10-python.tar.gz")
        monkeypatch.setattr(weights, "PYTORCH", f"{url}/")
        monkeypatch.setattr(downloads, "SILENCE", 0.5)
        yield
        over.set()
        serving.shutdown()


DOWNLOADED = {name: partial(prepare, name) for name in DATASETS if name not in ("digits", "birds10")}
DOWNLOADED["alexnet"] = partial(prepare_weights, "alexnet")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("server", FAULTS, indirect=True)
@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_failed_download_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, name):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    started = time.monotonic()
    with pytest.raises(UserError) as refusal:
        DOWNLOADED[name](tmp_path / "out" / f"{name}.{'safetensors' if name == 'alexnet' else 'npz'}")
    assert time.monotonic() - started < 30
    message = str(refusal.value)
    assert "the download failed" in message or "its SHA-256 begins with" in message
    assert ("(--mirror)" in message) or ("fetch it again" in message)
    assert "\n" not in message
    assert len(message) < 600
    assert not (tmp_path / "out").exists()
    assert not list(temporary.iterdir())
