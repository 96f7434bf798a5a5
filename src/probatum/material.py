"""Materials: the bytes of an artifact in a file, in memory, or inside another material."""

import os
import stat
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import accumulate

from msgspec import Struct

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Reason

_SMALL = 1 << 14
_OPEN = 8
_NEIGHBOUR = 1 << 20


class Around(Struct, frozen=True, array_like=True):
    """The folder that a file is judged in, and the patterns of what is not to be looked at."""

    top: bytes
    exclude: tuple[str, ...] = ()


class FileMaterial:
    """A regular file, read by position; never mapped, so that reading costs no lasting memory.

    A small one is read once and kept: its readers ask for many pieces of it.
    """

    def __init__(
        self,
        path: str | bytes,
        beside: frozenset[str] = frozenset(),
        around: Around | None = None,
    ) -> None:
        self._path = path
        self._around = around
        self._beside = beside
        self._fd = -1
        try:
            # O_NONBLOCK: opening a FIFO that replaced the file must not wait for a writer.
            self._fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | _QUIET_FLAGS)
            status = os.fstat(self._fd)
        except FileNotFoundError as exc:
            raise FormatError(Reason.VANISHED, "the file is no longer there") from exc
        except OSError as exc:
            detail = f"the file cannot be read: {exc.strerror}"
            raise FormatError(Reason.UNREADABLE, detail) from exc
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise FormatError(Reason.UNREADABLE, "not a regular file")
        self._size = status.st_size
        self._small: bytes | None = None
        self.digests: dict[tuple[int, int], str] = {}
        """SHA-256 in hex of spans, start and size, that were read whole: once is enough."""

    @property
    def size(self) -> int:
        return self._size

    @property
    def beside(self) -> frozenset[str]:
        return self._beside

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self._size - offset)
        if length <= 0:
            return b""
        if self._size > _SMALL:
            return self._read(offset, length)
        if self._small is None:
            self._small = self._read(0, self._size)
        return self._small[offset : offset + length]

    def _read(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._fd, length, offset)
            while len(data) < length:
                more = os.pread(self._fd, length - len(data), offset + len(data))
                if not more:
                    raise FormatError(Reason.VANISHED, "the file became shorter while it was read")
                data += more
        except OSError as exc:
            raise FormatError(Reason.UNREADABLE, f"reading failed: {exc.strerror}") from exc
        return data

    def neighbour(self, path: str) -> bytes:
        """Another file of the folder that this one is judged in."""
        if self._around is None:
            raise FormatError(Reason.OUTSIDE_TARGET, "only this file was named")
        return neighbour(os.fsencode(self._path), path, self._around)

    def close(self, close: Callable[[int], None] = os.close) -> None:
        # The default keeps os.close reachable for __del__ while the interpreter shuts down.
        if self._fd >= 0:
            close(self._fd)
            self._fd = -1

    def __enter__(self) -> "FileMaterial":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def neighbour(path: bytes, name: str, around: Around) -> bytes:
    """The file that `path` calls `name`, below the top; no link on the way is followed.

    Raises: FormatError.
    """
    parts = _below(path, name, around)
    flags = os.O_RDONLY | _QUIET_FLAGS | getattr(os, "O_NOFOLLOW", 0)
    folder = -1
    try:
        folder = os.open(around.top, os.O_RDONLY | os.O_DIRECTORY)
        for part in parts[:-1]:
            inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        file = os.open(parts[-1], flags, dir_fd=folder)
    except (OSError, ValueError) as exc:
        says = getattr(exc, "strerror", None) or "not a name"
        raise FormatError(Reason.UNREADABLE, f"it cannot be opened: {says}") from exc
    finally:
        if folder >= 0:
            os.close(folder)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _NEIGHBOUR:
            raise FormatError(Reason.OVER_LIMIT, f"no file of at most {_NEIGHBOUR} bytes")
        return os.read(file, _NEIGHBOUR)
    finally:
        os.close(file)


def _below(path: bytes, name: str, around: Around) -> list[str]:
    """The folders and the name, from the top on. Raises: FormatError where it leads out."""
    if name.startswith(("/", "~")) or not name:
        raise FormatError(Reason.OUTSIDE_TARGET, "a path of the machine that it is for")
    parts: list[str] = []
    own = os.path.relpath(os.fsdecode(path), os.fsdecode(around.top)).split("/")[:-1]
    for part in (*own, *name.split("/")):
        if part == ".." and not parts:
            raise FormatError(Reason.OUTSIDE_TARGET, "outside of what is judged")
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    for number in range(len(parts)):
        whole = "/".join(parts[: number + 1])
        if any(fnmatchcase(one, pat) for one in (whole, parts[number]) for pat in around.exclude):
            raise FormatError(Reason.NOT_ANALYSED, "it is excluded")
    if not parts:
        raise FormatError(Reason.UNREADABLE, "not a file")
    return parts


class BytesMaterial:
    """Bytes in memory; `around`, in memory too, is what stands in for the rest of a target."""

    def __init__(
        self,
        data: bytes | memoryview,
        beside: frozenset[str] = frozenset(),
        around: Mapping[str, bytes] | None = None,
    ) -> None:
        self._data = data
        self._beside = beside
        self._around = around or {}

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def beside(self) -> frozenset[str]:
        return self._beside

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self._data[offset : offset + length]) if length > 0 else b""

    def neighbour(self, path: str) -> bytes:
        """A file of those that were given."""
        if path.removeprefix("./") not in self._around:
            raise FormatError(Reason.OUTSIDE_TARGET, "only this file was named")
        return self._around[path.removeprefix("./")]


class Folder:
    """A folder on this machine whose files an import could find.

    A link is followed where it stays inside `boundary`, as the listing of a target does.
    """

    def __init__(self, path: str, boundary: str) -> None:
        self._path = path
        self._boundary = boundary
        self._names: dict[str, frozenset[str]] = {}

    def names(self, inside: str = "") -> frozenset[str]:
        """What a folder of it holds. Raises: FormatError if that cannot be told."""
        if inside not in self._names:
            try:
                found = os.listdir(self._within(inside))  # noqa: PTH208
            except OSError as exc:
                raise _unreadable(inside, exc) from exc
            self._names[inside] = frozenset(
                os.fsencode(name).decode("utf-8", "backslashreplace") for name in found
            )
        return self._names[inside]

    def is_folder(self, inside: str) -> bool:
        return os.path.isdir(os.path.join(self._path, inside))  # noqa: PTH112

    def file(self, inside: str, most: int) -> bytes:
        """A file of at most `most` bytes. Raises: FormatError if it is none, or larger."""
        try:
            path = self._within(inside)
        except OSError as exc:
            raise _unreadable(inside, exc) from exc
        with FileMaterial(path) as found:
            if found.size > most:
                raise FormatError(Reason.OVER_LIMIT, f"{inside} has more than {most:,} bytes")
            return found.read(0, found.size)

    def _within(self, inside: str) -> str:
        real = os.path.realpath(os.path.join(self._path, inside), strict=True)
        if real != self._boundary and not real.startswith(self._boundary.rstrip("/") + "/"):
            raise FormatError(Reason.OUTSIDE_TARGET, f"{inside} is a link that leads outside")
        return real


def _unreadable(inside: str, exc: OSError) -> FormatError:
    return FormatError(
        Reason.UNREADABLE, f"{inside or 'the folder'} cannot be read: {exc.strerror}"
    )


class Beside(frozenset[str]):
    """Names beside an artifact, and the folders that they lie in: its own, and the target's."""

    folders: tuple[Folder, ...]

    @staticmethod
    def of(names: frozenset[str], folders: tuple[Folder, ...]) -> "Beside":
        made = Beside(names)
        made.folders = folders
        return made


def folders_of(beside: frozenset[str]) -> tuple[Folder, ...]:
    """The folders in which an import would look first; none where they cannot be looked into."""
    return beside.folders if isinstance(beside, Beside) else ()


class SliceMaterial:
    """`size` bytes of another material from `start`: a stored member of a container."""

    def __init__(self, whole: Material, start: int, size: int) -> None:
        self._whole = whole
        self._start = start
        self._size = max(0, min(size, whole.size - start))

    @property
    def size(self) -> int:
        return self._size

    @property
    def beside(self) -> frozenset[str]:
        return self._whole.beside

    @property
    def sha256(self) -> str | None:
        """The digest of the whole, in hex, if it is known already."""
        whole = self._whole
        span = self._start, self._size
        return whole.digests.get(span) if isinstance(whole, FileMaterial) else None

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self._size - offset)
        return self._whole.read(self._start + offset, length) if length > 0 else b""


class PlacedMaterial:
    """A material that has more beside it than it knows itself: a member of a container."""

    def __init__(self, material: Material, more: frozenset[str]) -> None:
        self._material = material
        self._beside = frozenset(material.beside | more)

    @property
    def size(self) -> int:
        return self._material.size

    @property
    def beside(self) -> frozenset[str]:
        return self._beside

    def read(self, offset: int, length: int) -> bytes:
        return self._material.read(offset, length)


class Piece(Struct, frozen=True):
    """Some bytes, and behind them a whole file of `size` bytes if there is one; not nothing."""

    head: bytes
    name: str = ""
    path: bytes = b""
    size: int = 0


class JoinedMaterial:
    """Files one after another, each behind some bytes of its own; a few are open at a time.

    A file that has another size than its piece says cannot be read.
    """

    def __init__(self, pieces: Sequence[Piece], beside: frozenset[str] = frozenset()) -> None:
        self._pieces = pieces
        self._beside = beside
        ends = list(accumulate(len(one.head) + one.size for one in pieces))
        self._starts = [0, *ends[:-1]]
        self._size = ends[-1] if ends else 0
        self._open: dict[int, FileMaterial] = {}

    @property
    def size(self) -> int:
        return self._size

    @property
    def beside(self) -> frozenset[str]:
        return self._beside

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self._size)
        if offset >= end:
            return b""
        found = []
        number = bisect_right(self._starts, offset) - 1
        while offset < end:
            start = self._starts[number]
            data = self._of(number, offset - start, end - start)
            found.append(data)
            offset += len(data)
            number += 1
        return b"".join(found)

    def _of(self, number: int, first: int, end: int) -> bytes:
        """The bytes [first, end) of a piece that it has."""
        piece = self._pieces[number]
        skipped = len(piece.head)
        if not piece.path or end < skipped or (end == skipped and piece.size):
            return piece.head[first:end]
        at = max(0, first - skipped)
        content = self._content(number, piece, at, min(end - skipped, piece.size))
        return piece.head[first:] + content if first < skipped else content

    def _content(self, number: int, piece: Piece, first: int, end: int) -> bytes:
        """The bytes [first, end) of a piece's file."""
        return self._opened(number, piece).read(first, end - first)

    def let_go(self, number: int) -> None:
        """Close a piece's file, if it is open."""
        if (file := self._open.pop(number, None)) is not None:
            file.close()

    def _opened(self, number: int, piece: Piece) -> "FileMaterial":
        file = self._open.pop(number, None)
        if file is None:
            try:
                file = FileMaterial(piece.path)
            except FormatError as exc:
                raise FormatError(exc.reason, f"{piece.name}: {exc.detail}") from exc
            if file.size != piece.size:
                file.close()
                says = f"{piece.name} had {piece.size} bytes when it was listed"
                raise FormatError(Reason.VANISHED, f"{says} and has {file.size} now")
        self._open[number] = file  # the last one is that used last
        if len(self._open) > _OPEN:
            self._open.pop(next(iter(self._open))).close()
        return file


_QUIET_FLAGS = (
    getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
)
