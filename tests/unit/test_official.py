"""Tiny archives in the official layouts of VOC 2007 and CUB-200-2011, whole and damaged, and how files are fetched."""

import functools
import http.server
import io
import tarfile
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from dd.data.archives import archive
from dd.data.datasets import DATASETS
from dd.data.datasets.cub200 import cub200
from dd.data.datasets.voc2007 import CLASSES, voc2007
from dd.data.downloads import official_files
from dd.data.obtain import prepare
from dd.data.prepared import load
from dd.distill.experiment import Experiment
from dd.distill.settings import DistillConfig
from dd.nets.lenet import LeNet
from dd.nets.pretrained import PretrainedFile
from dd.runtime.errors import UserError
from tests.unit.test_mirror import md5

VOC = "VOCdevkit/VOC2007"
RED, BLUE = (250, 10, 10), (10, 10, 250)


def pack(path, members):
    """A tar of these contents by name; a `TarInfo` goes in as it is."""
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def jpeg(*bands, size=(40, 20)):
    """A picture of upright bands of these colours, equally wide."""
    image = Image.new("RGB", size)
    for place, colour in enumerate(bands):
        image.paste(colour, (place * size[0] // len(bands), 0, *size))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def annotation(*objects):
    boxes = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult>"
        f"<bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox>"
        "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part></object>"
        for name, difficult, left, top, right, bottom in objects
    )
    return f"<annotation><filename>x.jpg</filename>{boxes}</annotation>"


LEFT, RIGHT = (1, 1, 20, 20), (21, 1, 40, 20)
MEMBERS = {
    f"{VOC}/Annotations/000012.xml": annotation(("dog", 0, *LEFT), ("tvmonitor", 1, *RIGHT)),
    f"{VOC}/Annotations/000005.xml": annotation(("cat", 0, 11, 1, 30, 20)),
    f"{VOC}/Annotations/000007.xml": annotation(("car", 0, *LEFT)),
    f"{VOC}/ImageSets/Main/{{split}}.txt": "000012\n000005\n",
    f"{VOC}/JPEGImages/000005.jpg": jpeg(RED, BLUE),
    f"{VOC}/JPEGImages/000007.jpg": jpeg(RED, BLUE),
    f"{VOC}/JPEGImages/000012.jpg": jpeg(RED, BLUE),
}


@pytest.fixture
def voc(tmp_path):
    """The two archives, with changes to members of trainval."""

    def make(**changes):
        paths = []
        for split, file in (("trainval", "VOCtrainval_06-Nov-2007.tar"), ("test", "VOCtest_06-Nov-2007.tar")):
            members = {name.format(split=split): content for name, content in MEMBERS.items()}
            members |= changes if split == "trainval" else {}
            paths.append(pack(tmp_path / file, {k: v for k, v in members.items() if v is not None}))
        return paths

    return make


def test_every_box_of_voc_is_an_image(voc):
    arrays, classes = voc2007(*voc(), size=16)
    assert classes == list(CLASSES) == sorted(CLASSES)
    assert len(classes) == 20
    for split in ("train", "test"):
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
        assert (x.shape, x.dtype) == ((3, 16, 16, 3), np.uint8)
        assert [classes[label] for label in y] == ["dog", "tvmonitor", "cat"]
        for image, colour in ((x[0], RED), (x[1], BLUE)):
            np.testing.assert_allclose(image, np.broadcast_to(colour, image.shape), atol=6)
        np.testing.assert_allclose(x[2, :, :6], np.broadcast_to(RED, (16, 6, 3)), atol=12)
        np.testing.assert_allclose(x[2, :, 10:], np.broadcast_to(BLUE, (16, 6, 3)), atol=12)


def test_boxes_count_from_one_and_include_the_last_pixel(voc):
    name = f"{VOC}/Annotations/000012.xml"
    paths = voc(**{name: annotation(("dog", 0, 20, 5, 21, 6), ("cat", 0, 1, 1, 40, 20))})
    x = voc2007(*paths, size=2)[0]["x_train"]
    np.testing.assert_allclose(x[0, :, 0], [RED, RED], atol=30)
    np.testing.assert_allclose(x[0, :, 1], [BLUE, BLUE], atol=30)


BROKEN = {
    "missing image": ({f"{VOC}/JPEGImages/000005.jpg": None}, "JPEGImages/000005.jpg is missing"),
    "missing list": ({f"{VOC}/ImageSets/Main/trainval.txt": None}, "Main/trainval.txt is missing"),
    "no image": ({f"{VOC}/JPEGImages/000005.jpg": b"no"}, "000005.jpg: cannot be read as an image"),
    "half an image": ({f"{VOC}/JPEGImages/000005.jpg": jpeg(RED)[:400]}, "000005.jpg: cannot be read as an image"),
    "no XML": ({f"{VOC}/Annotations/000005.xml": "<annotation>"}, "000005.xml: not an annotation of VOC 2007"),
    "class": ({f"{VOC}/Annotations/000005.xml": annotation(("yeti", 0, *LEFT))}, "000005.xml: not an annotation"),
    "no box": (
        {f"{VOC}/Annotations/000005.xml": "<annotation><object><name>cat</name></object></annotation>"},
        "000005.xml: not an annotation",
    ),
    "outside": (
        {f"{VOC}/Annotations/000005.xml": annotation(("cat", 0, 1, 1, 41, 20))},
        r"000005.jpg: its box \(0, 0, 41, 20\) lies outside",
    ),
    "entity": (
        {
            f"{VOC}/Annotations/000005.xml": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
            + annotation(("&x;", 0, *LEFT))
        },
        "000005.xml: not an annotation",
    ),
    "billion laughs": (
        {
            f"{VOC}/Annotations/000005.xml": '<!DOCTYPE a [<!ENTITY x0 "lol">'
            + "".join(f'<!ENTITY x{i} "{f"&x{i - 1};" * 10}">' for i in range(1, 12))
            + f"]>{annotation(('&x11;', 0, *LEFT))}"
        },
        "000005.xml: not an annotation",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_members_are_named(voc, case):
    changes, message = BROKEN[case]
    with pytest.raises(UserError, match=message) as caught:
        voc2007(*voc(**changes), size=8)
    assert str(caught.value).startswith(str(voc()[0]))


def link(name, to, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE], ids=["symlink", "hard", "device"])
def test_links_and_devices_are_refused(voc, tmp_path, kind):
    (tmp_path / "secret.jpg").write_bytes(jpeg(RED))
    name = f"{VOC}/JPEGImages/000005.jpg"
    with pytest.raises(UserError, match=r"000005\.jpg is a link or a device"):
        voc2007(*voc(**{name: link(name, str(tmp_path / "secret.jpg"), kind)}), size=8)


def test_members_that_would_leave_the_folder_are_never_written(voc, tmp_path):
    evil = dict.fromkeys(("../escaped", f"{tmp_path}/absolute", f"{VOC}/../../../../escaped"), "evil")
    evil["way"] = link("way", str(tmp_path), tarfile.SYMTYPE)
    evil["way/through"] = "evil"
    paths = voc(**evil)
    before = set(tmp_path.rglob("*"))
    assert len(voc2007(*paths, size=8)[0]["x_train"]) == 3
    assert set(tmp_path.rglob("*")) == before
    assert not (tmp_path.parent / "escaped").exists()


CUB = {
    "attributes.txt": "1 has_bill_shape::curved\n",
    "CUB_200_2011/images/002.Laysan_Albatross/Laysan_1.jpg": jpeg(BLUE),
    "CUB_200_2011/images/001.Black_footed_Albatross/Black_3.jpg": jpeg(BLUE, size=(20, 30)),
    "CUB_200_2011/classes.txt": "1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n",
    "CUB_200_2011/images.txt": "1 001.Black_footed_Albatross/Black_1.jpg\n2 001.Black_footed_Albatross/Black_3.jpg\n"
    "3 002.Laysan_Albatross/Laysan_1.jpg\n4 002.Laysan_Albatross/Laysan_2.jpg\n",
    "CUB_200_2011/image_class_labels.txt": "1 1\n2 1\n3 2\n4 2\n",
    "CUB_200_2011/train_test_split.txt": "1 0\n2 1\n3 1\n4 0\n",
    "CUB_200_2011/images/001.Black_footed_Albatross/Black_1.jpg": jpeg(RED),
    "CUB_200_2011/images/002.Laysan_Albatross/Laysan_2.jpg": jpeg(RED, BLUE, RED, size=(60, 20)),
}


@pytest.fixture
def cub(tmp_path):
    return lambda **changes: pack(tmp_path / "CUB_200_2011.tgz", CUB | changes)


def test_cub_follows_its_tables(cub):
    arrays, classes = cub200(cub(), size=10)
    assert classes == ["Black footed Albatross", "Laysan Albatross"]
    assert (arrays["y_train"].tolist(), arrays["y_test"].tolist()) == ([0, 1], [0, 1])
    assert arrays["x_train"].shape == arrays["x_test"].shape == (2, 10, 10, 3)
    np.testing.assert_allclose(arrays["x_train"], np.broadcast_to(BLUE, (2, 10, 10, 3)), atol=6)
    np.testing.assert_allclose(arrays["x_test"][0], np.broadcast_to(RED, (10, 10, 3)), atol=6)
    # a wide picture, a third of it blue, is stretched and not cut
    for columns, colour in ((slice(2), RED), (slice(4, 6), BLUE), (slice(8, 10), RED)):
        np.testing.assert_allclose(arrays["x_test"][1, :, columns], np.broadcast_to(colour, (10, 2, 3)), atol=12)


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        ("image_class_labels", "1 1\n2 1\n3 2\n", "do not name the same images and classes"),
        ("image_class_labels", "1 1\n2 1\n3 2\n4 3\n", "do not name the same images and classes"),
        ("train_test_split", "1 0\n2\n", "train_test_split.txt: not two columns"),
        ("images", CUB["CUB_200_2011/images.txt"].replace("Black_1", "../../x"), r"\.\./\.\./x\.jpg is missing"),
    ],
    ids=["rows", "class", "columns", "path"],
)
def test_broken_tables_of_cub_are_named(cub, table, text, message):
    with pytest.raises(UserError, match=message):
        cub200(cub(**{f"CUB_200_2011/{table}.txt": text}), size=8)


@pytest.mark.parametrize("share", [0, 0.03, 0.5, 0.95])
@pytest.mark.parametrize("kind", ["tar", "tgz"])
def test_archives_that_are_cut_off(voc, cub, kind, share):
    path = cub() if kind == "tgz" else voc()[0]
    content = path.read_bytes()
    used = len(content) if kind == "tgz" else len(content.rstrip(b"\0"))  # a tar ends in blocks of zeros
    path.write_bytes(content[: int(share * used)])
    with pytest.raises(UserError, match=f"{path.name}: (cut off or no tar archive.*download it again|.* is missing)"):
        cub200(path, size=8) if kind == "tgz" else voc2007(path, path, size=8)


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "x.tar").write_text("<html>404</html>" * 100)
    with pytest.raises(UserError, match=r"x\.tar: cut off or no tar archive"), archive(tmp_path / "x.tar"):
        pass


@pytest.fixture
def server(tmp_path):
    """Serves `tmp_path/web`; returns its address."""
    (tmp_path / "web").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=tmp_path / "web")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_what_a_mirror_lacks_is_downloaded_and_goes_again(cub, server, tmp_path):
    path = cub()
    path.rename(tmp_path / "web" / path.name)
    files = {f"{server}/{path.name}": md5(tmp_path / "web" / path.name)}
    with official_files("cub200", files, tmp_path) as (download,):
        assert len(cub200(download, size=8)[1]) == 2
    assert not download.parent.exists()


def test_cub_is_normalised_by_its_own_statistics(cub, tmp_path, monkeypatch):
    """As the authors did, whatever a file of weights says; VOC is normalised by the file."""
    path = cub()
    files = {f"http://127.0.0.1:1/{path.name}": md5(path)}
    monkeypatch.setitem(DATASETS, "cub200", replace(DATASETS["cub200"], files=files))
    info = prepare("cub200", tmp_path / "cub200.npz", tmp_path, size=28)
    assert info["normalisation"] == "own"
    dataset = load(tmp_path / "cub200.npz")
    weights = LeNet(channels=3, size=28, classes=7).state_dict()
    file = PretrainedFile(path, weights, {"mean": [0.5] * 3, "std": [0.25] * 3, "sha256": ""})
    one = dict.fromkeys(("steps", "epochs", "nets", "real_batch", "validation_images"), 1)
    config = DistillConfig(init="fixed_pretrained", train_on_all=True, **one)
    assert torch.equal(Experiment(config, dataset, file=file).mean, dataset.mean)
    del dataset.info["normalisation"]
    assert Experiment(config, dataset, file=file).mean.tolist() == [0.5] * 3
