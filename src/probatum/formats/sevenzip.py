"""Opens 7z archives through `py7zr` (extra `archives`), writing members to bounded spools.

A 7z archive is compressed as a whole, so all its members are unfolded at once, after their
declared sizes have been charged; a member that grows beyond its declared size ends the opening.
"""

import io
import lzma
import struct
import zlib
from typing import IO, Any

from probatum.errors import FormatError
from probatum.formats.allowance import Allowance
from probatum.formats.compression import missing
from probatum.formats.member import Member, Unfolded
from probatum.formats.spool import Spooled, Writer
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Reason

_FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError, lzma.LZMAError, struct.error, zlib.error),
)
"""What py7zr raises on bytes that are not a 7z archive, besides its own errors."""


def unfold(name: str, kind: str, material: Material, allowance: Allowance) -> Unfolded:
    """The members of a 7z archive.

    Raises: FormatError where it cannot be followed, is encrypted, or holds too much.
    """
    try:
        import py7zr
    except ImportError as exc:
        raise missing("7z") from exc
    try:
        with py7zr.SevenZipFile(_File(material)) as archive:
            return _unfolded(archive, material, allowance)
    except py7zr.exceptions.PasswordRequired as exc:
        raise FormatError(Reason.ENCRYPTED, "the archive is encrypted") from exc
    except py7zr.exceptions.UnsupportedCompressionMethodError as exc:
        raise FormatError(Reason.UNSUPPORTED, f"a 7z method: {exc}") from exc
    except MemoryError as exc:
        raise FormatError(Reason.OVER_LIMIT, "the 7z archive asks for too much memory") from exc
    except (py7zr.exceptions.ArchiveError, *_FAULTS) as exc:
        raise FormatError(Reason.MALFORMED, f"the 7z archive cannot be followed: {exc!r}") from exc


def _unfolded(archive: Any, material: Material, allowance: Allowance) -> Unfolded:
    if archive.needs_password():
        raise FormatError(Reason.ENCRYPTED, "the archive is encrypted")
    files = [one for one in archive.list() if not one.is_directory]
    allowance.count(len(files))
    allowance.charge_within(one.uncompressed for one in files)
    writers = _Writers({one.filename: one.uncompressed for one in files})
    links = {one.filename for one in files if one.is_symlink}
    archive.extractall(factory=writers)
    if writers.trouble is not None:
        raise writers.trouble
    return Unfolded(tuple(_member(one.filename, writers, links, material.beside) for one in files))


def _member(name: str, writers: "_Writers", links: set[str], beside: frozenset[str]) -> Member:
    made = writers.made.get(name)
    if name in links or made is None:
        says = "a link" if name in links else "the archive yields no bytes for it"
        reason = Reason.OUTSIDE_TARGET if name in links else Reason.UNSUPPORTED
        return Member(name, BytesMaterial(b"", beside), trouble=FormatError(reason, says))
    kept: Spooled = made.kept(beside)
    return Member(name, kept.material, trouble=kept.trouble)


class _Writers:
    """Makes what py7zr writes each member to."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self.made: dict[str, _Target] = {}
        self.trouble: FormatError | None = None
        self._sizes = sizes

    def create(self, filename: str) -> "_Target":
        if filename in self.made:
            self.trouble = FormatError(
                Reason.PARSER_DIFFERENTIAL, f"two members are called {filename!r}"
            )
        self.made[filename] = target = _Target(self._sizes.get(filename, 0))
        return target


class _Target(Writer):
    """One member's bytes, with what py7zr asks of a file beside writing."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, data: bytes | bytearray) -> int:
        if self._size + len(data) > self._most:
            raise ValueError("a member unfolds to more than it claims")
        super().write(bytes(data))
        return len(data)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def flush(self) -> None:
        return

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        return


class _File(io.RawIOBase, IO[bytes]):
    """A material as the file that py7zr reads from."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self._at, self._material.size)[whence]
        if start + offset < 0:
            raise ValueError("a place before the file's start")
        self._at = start + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        rest = max(0, self._material.size - self._at)
        size = rest if size is None or size < 0 else min(size, rest)
        data = self._material.read(self._at, size)
        self._at += len(data)
        return data
