"""Names of users in pictures: drawn as they are written, whatever characters they have."""

import io
import os
import shutil

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure

from dd.commands.options import save
from dd.report.figures.image_grid import images_picture
from dd.report.figures.plain_text import write_plainly
from tests.conftest import ROOT

MATHEMATICS = ["$x$", "a_{b}$$", r"$\frac$", "5$ and 6$", r"\alpha_{", "100%$_$"]
LETTER = "\U00030000"
"""A Chinese letter that few fonts have."""


def grid(names):
    """A picture of one distilled image of each class."""
    images = np.random.default_rng(0).normal(size=(2, len(names), 1, 4, 4))
    labels = np.array([range(len(names))] * 2)
    return images_picture(images, labels, np.ones((1, 2)), classes=names, steps=[1, 2], title="two classes")


def pixels(figure):
    file = io.BytesIO()
    figure.savefig(file, format="rgba")
    return file.getvalue()


def test_what_looks_like_mathematics_is_text(tmp_path):
    picture = grid(MATHEMATICS)
    save(picture, (tmp_path / "a.png", tmp_path / "a.pdf"))
    drawn = [text for text in picture.texts if text.get_text() in MATHEMATICS]
    assert len(drawn) == len(MATHEMATICS)
    assert not any(text.get_parse_math() for text in picture.texts)


def test_axes_and_legends_too(tmp_path):
    picture = Figure(layout="constrained")
    axes = picture.subplots()
    axes.plot([1, 2], [1, 2], label="$_$")
    axes.legend(title=r"$\b$")
    axes.set(title="$^$", xlabel=r"\$$", ylabel="$$_{")
    picture.suptitle(r"$\frac{$")
    picture.supxlabel("$}$")
    save(picture, (tmp_path / "a.png", tmp_path / "a.pdf"))


def test_powers_of_ten_are_still_mathematics():
    """A picture without names is the same to the last pixel."""
    both = []
    for change in (lambda _: None, write_plainly):
        picture = Figure(layout="constrained")
        axes = picture.subplots()
        axes.plot([1, 2], [1e-7, 3e4])
        axes.set(yscale="log", ylabel="loss")
        change(picture)
        both.append(pixels(picture))
    assert both[0] == both[1]


def test_bytes_that_are_no_text_are_drawn_as_such(tmp_path):
    picture = grid([os.fsdecode(b"\xe9tude"), "tea"])
    save(picture, (tmp_path / "a.png", tmp_path / "a.pdf"))
    assert "\N{REPLACEMENT CHARACTER}tude" in [text.get_text() for text in picture.texts]


def font_with(letter, path):
    """Write a font, called Only, with a single letter, a filled square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    font = FontBuilder(1000)
    font.setupGlyphOrder([".notdef", "only"])
    font.setupCharacterMap({ord(letter): "only"})
    font.setupGlyf({".notdef": square, "only": square})
    font.setupHorizontalMetrics({".notdef": (900, 0), "only": (900, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Only", "styleName": "Regular", "psName": "Only-Regular"})
    font.setupOS2()
    font.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    font.save(path)


@pytest.fixture
def history(tmp_path):
    """A history in a folder that is called by the letter, which becomes the title."""
    (tmp_path / LETTER).mkdir()
    return shutil.copy(ROOT / "results/published/laptop/distill/mnist_random/history.csv", tmp_path / LETTER)


def test_a_letter_that_no_font_has_is_told_in_one_line(dd, history, tmp_path):
    environment = os.environ | {"MPL_IGNORE_SYSTEM_FONTS": "1"}
    done = dd(
        "training", "--history", history, "--out", tmp_path / "a.png", "--out", tmp_path / "a.pdf", env=environment
    )
    assert done.returncode == 0
    told = f"{tmp_path}/a.png: boxes stand for {LETTER}; install a font that has them and draw it anew\n"
    assert done.stderr == told


def test_a_font_that_has_the_letter_is_found(dd, history, tmp_path):
    font_with(LETTER, tmp_path / "share/fonts/only.ttf")
    (tmp_path / "share/fonts/another.ttf").write_bytes(b"no font")
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "share")}
    done = dd(
        "training", "--history", history, "--out", tmp_path / "a.png", "--out", tmp_path / "a.pdf", env=environment
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert b"Only" in (tmp_path / "a.pdf").read_bytes()


@pytest.mark.filterwarnings("ignore:Glyph")
def test_wide_letters_have_room_beside_the_images():
    picture = grid(["\N{CJK UNIFIED IDEOGRAPH-65E5}" * 40, "b"])
    assert min(text.get_window_extent().x0 for text in picture.texts[:2]) >= 0
