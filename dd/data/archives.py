"""Tar archives, read without unpacking them."""

import contextlib
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from dd.runtime.errors import UserError, reason


class Archive:
    """A tar file that is read without unpacking it, so that no member is written anywhere, whatever its name."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self.path = path
        self._tar = tar
        self._members = {member.name.removeprefix("./"): member for member in tar}

    def read(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Names and contents of these members, in the order of the file, because seeking back is slow if compressed.

        Raises:
            UserError: a member is missing or is not a plain file.
        """
        for name in sorted(names, key=self._offset):
            content = self._tar.extractfile(self._members[name])
            if content is None:
                raise UserError(self._no_plain_file(name))
            yield name, content.read()

    def text(self, name: str) -> str:
        """The content of one member as text; raises what `read` raises."""
        ((_, content),) = self.read([name])
        return content.decode(errors="replace")

    def _offset(self, name: str) -> int:
        member = self._members.get(name)
        if member is None:
            raise UserError(f"{self.path}: {name} is missing; copy or download the archive again")
        if not member.isreg():
            raise UserError(self._no_plain_file(name))
        return member.offset_data

    def _no_plain_file(self, name: str) -> str:
        return f"{self.path}: {name} is a link or a device; copy or download the archive again"


@contextlib.contextmanager
def archive(path: Path) -> Iterator[Archive]:
    """Open a tar file, compressed or not.

    Raises:
        UserError: the file is not a tar file or is cut off. The error can come while the block reads from it.
    """
    try:
        with tarfile.open(path) as tar:
            yield Archive(path, tar)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(f"{path}: cut off or no tar archive ({reason(error)}); copy or download it again") from error
