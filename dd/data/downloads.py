"""Files in their official form: found in a mirror or downloaded, checked by MD5, and archives read where they lie."""

import contextlib
import socket
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from pathlib import Path

from dd.runtime.errors import UserError, reason

VOC = "https://thor.robots.ox.ac.uk/pascal/VOC/voc2007"
SVHN = "http://ufldl.stanford.edu/housenumbers"
CUB = "https://data.caltech.edu/records/65de6-vp158/files"
FILES = {
    "svhn": {
        f"{SVHN}/train_32x32.mat": "e26dedcc434d2e4c54c9b2d4a06d8373",
        f"{SVHN}/test_32x32.mat": "eb5a983be6a315427106f1b164d9cef3",
    },
    "voc2007": {
        f"{VOC}/VOCtrainval_06-Nov-2007.tar": "c52e279531787c972589f7e41ab4ae64",
        f"{VOC}/VOCtest_06-Nov-2007.tar": "b6e924de25625d8de591ea690078ad9f",
    },
    "cub200": {f"{CUB}/CUB_200_2011.tgz": "97eceeb196236b17998738112f37df78"},
}
"""The MD5 of every official file of a dataset, by its address."""

SILENCE = 60
"""Seconds without a byte after which a server has gone."""


@contextlib.contextmanager
def fetched(name: str, mirror: Path | None) -> Iterator[list[Path]]:
    """The files of `FILES[name]`, from `mirror` where it has them and else downloaded for as long as the block lasts.

    Raises:
        UserError: no network, or a file whose MD5 is not the official one.
    """
    from torchvision.datasets.utils import download_url

    with tempfile.TemporaryDirectory(prefix=f"dd-{name}-") as folder:
        paths = []
        for url, md5 in FILES[name].items():
            file = url.rpartition("/")[2]
            if mirror and (mirror / file).exists():
                paths.append(checked(mirror / file, md5))
            else:
                paths.append(Path(folder, file))
                with downloading(name, file):
                    download_url(url, folder, file, md5)
        yield paths


def checked(path: Path, md5: str) -> Path:
    """This file of a mirror.

    Raises:
        UserError: its MD5 is not the official one, or it cannot be read.
    """
    from torchvision.datasets.utils import calculate_md5

    try:
        found = calculate_md5(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); see that it is a file and may be read") from error
    if found != md5:
        raise UserError(
            f"{path}: its MD5 is {found}, but the official file's is {md5}; copy the file again, or remove it to have "
            "it downloaded"
        )
    return path


@contextlib.contextmanager
def downloading(name: str, file: str) -> Iterator[None]:
    """A download that fails is a `UserError` that says what to do: to put `file` into a mirror, for one."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    except (OSError, RuntimeError, EOFError, ValueError, HTTPException) as error:
        raise UserError(
            f"{name}: the download failed ({reason(error)}). Connect to the network and try again, or put {file} into "
            "a folder and name that folder in data.mirror (--mirror)"
        ) from error
    finally:
        socket.setdefaulttimeout(before)


class Archive:
    """A tar file read where it lies: nothing is unpacked, so no member can write anywhere, whatever its name."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self.path, self._tar = path, tar
        self._members = {member.name.removeprefix("./"): member for member in tar}

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Names and contents of these members, in the order they lie in: compressed archives are slow to go back in.

        Raises:
            UserError: a member is missing or is no plain file.
        """
        for name in sorted(names, key=self._offset):
            yield name, self._tar.extractfile(self._members[name]).read()

    def text(self, name: str) -> str:
        """The content of one member as text; raises what `read` raises."""
        ((_, content),) = self.read([name])
        return content.decode(errors="replace")

    def _offset(self, name: str) -> int:
        member = self._members.get(name)
        if member is None:
            raise UserError(f"{self.path}: {name} is missing; copy or download the archive again")
        if not member.isreg():
            raise UserError(f"{self.path}: {name} is a link or a device; copy or download the archive again")
        return member.offset_data


@contextlib.contextmanager
def archive(path: Path) -> Iterator[Archive]:
    """Open a tar file, compressed or not.

    Raises:
        UserError: it is none, or is cut off: at once or while the block reads from it.
    """
    try:
        with tarfile.open(path) as tar:
            yield Archive(path, tar)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(f"{path}: cut off or no tar archive ({reason(error)}); copy or download it again") from error
