"""Pictures of every shape and kind, whole and damaged: read as before, within bounds, or refused in one clear line."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from dd.data.image_folder import LONGEST, read_image, square
from dd.runtime.errors import UserError


def noise(width, height):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def whole_then_cut(image, size):
    """The centre square of an image that is scaled whole."""
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image.crop((left, top, left + size, top + size)))


@pytest.mark.parametrize("shorter", [1, 2, 7, 30, 61])
def test_pictures_of_ordinary_shape_are_scaled_whole_to_the_last_bit(shorter):
    for longer in {shorter, shorter + 1, 3 * shorter // 2, 4 * shorter + 1, LONGEST * shorter - 1, LONGEST * shorter}:
        for shape in ((shorter, max(shorter, longer)), (max(shorter, longer), shorter)):
            for size in (1, 8, 31, 64):
                assert (square(noise(*shape), size) == whole_then_cut(noise(*shape), size)).all()


@pytest.mark.parametrize("shape", [(1, 301), (400, 3)])
def test_of_a_long_picture_the_centre_is_taken(shape):
    """It brightens from end to end, so its centre is grey."""
    ramp = np.linspace(0, 255, max(shape)).astype(np.uint8)
    pixels = np.broadcast_to(ramp if shape[0] > shape[1] else ramp[:, None], shape[::-1])
    found = square(Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB"), 8).astype(int)
    assert found.shape == (8, 8, 3)
    assert abs(found - 127).max() < 4


def test_a_long_picture_takes_no_more_memory_than_an_ordinary_one():
    """Scaled whole, this one would have 13 million rows."""
    code = (
        "import resource; from PIL import Image; from dd.data.image_folder import square\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "square(Image.new('RGB', (1, 60_000)), 224)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 100 * 2**20


def saved(image, kind):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def test_a_huge_picture_is_refused_with_its_size_and_the_limit():
    most = 2 * Image.MAX_IMAGE_PIXELS
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    small = saved(noise(4, 4), "PNG")
    content = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    with pytest.raises(UserError) as raised:
        read_image(io.BytesIO(content), "a.png")
    assert str(raised.value) == (
        f"a.png: cannot be read as an image (Image size (400000000 pixels) exceeds limit of {most} pixels); "
        "make it smaller or cut it up"
    )


@pytest.mark.parametrize("kind", ["DDS", "BLP", "TGA", "ICO", "PCX", "EPS"])
def test_other_formats_are_refused_whole_and_cut_off(kind):
    """Whatever their ending says: what is read does not depend on which readers this Pillow has."""
    content = saved(noise(16, 16).convert("P" if kind == "BLP" else "RGB"), kind)
    for length in (len(content), *range(4, 160, 7)):
        with pytest.raises(UserError, match=r"^a\.png: cannot be read as an image, as it is no .*PNG.* or WEBP, or"):
            read_image(io.BytesIO(content[:length]), "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM"])
def test_damaged_files_are_refused_in_one_line_or_read(kind, recwarn):
    """Cut off anywhere, or with any byte of the beginning changed."""
    content = saved(noise(16, 16), kind)
    damaged = [content[:length] for length in range(0, len(content), max(1, len(content) // 60))]
    for place in range(min(150, len(content))):
        damaged.append(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
    said = []
    for bytes_left in damaged:
        try:
            read_image(io.BytesIO(bytes_left), "a.png")
        except UserError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all(line.startswith("a.png: ") and "\n" not in line for line in said)
    assert not recwarn.list


def test_nothing_of_pillows_reaches_the_console(tmp_path):
    """Neither its warning of a large picture nor what it logs of a TIFF with more samples than there can be."""
    tiff = bytearray(saved(noise(4, 4), "TIFF"))
    entry = tiff.index(struct.pack("<HHI", 277, 3, 1))  # samples per pixel
    tiff[entry + 8] = 200
    (tmp_path / "a.tiff").write_bytes(tiff)
    Image.new("1", (10_000, 9_000)).save(tmp_path / "large.png")
    code = (
        "import sys; from pathlib import Path; from dd.data.image_folder import read_image, square\n"
        "print(square(read_image(Path(sys.argv[1], 'large.png'), 'large', gray=True), 8).shape)\n"
        "read_image(Path(sys.argv[1], 'a.tiff'), 'a.tiff')"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout == "(8, 8)\n"
    assert done.stderr.startswith("Traceback")  # of the refusal, which no command catches here
    assert "UserError: a.tiff: cannot be read as an image" in done.stderr
