"""Keeps what reviews of code leave behind, so that the next one of the same target is short.

A worker must not write where it likes, and what it judges may have made it say anything: it writes
into its spool folder, and this process puts the file where it belongs, under a name that the
target alone decides. So what one target left behind is read for no other one. A worker reads such
a file as data; what is not whole, or made by another version, it does not use (`taint.recalled`).

The folder is named by the user and never found. One inside a target is refused, and one that others
may write to: an audited repository must not bring answers of its own.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress

from probatum.audit.opened import Root
from probatum.errors import UsageError
from probatum.formats.python_project import KIND, Project, is_near

PARTS = ("review", "walks")
_LARGEST = 1 << 30
_STEP = 1 << 20
_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_MAKING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class Memories:
    """The folder, and what was left in it. Raises: UsageError if it cannot be trusted."""

    def __init__(self, folder: str, targets: Iterable[str]) -> None:
        self._folder = os.path.realpath(folder)
        for target in targets:
            if (self._folder + os.sep).startswith(os.path.realpath(target).rstrip("/") + os.sep):
                raise UsageError(
                    f"the cache {folder} lies inside the target {target}: name another"
                )
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)  # noqa: PTH103
            status = os.stat(self._folder)  # noqa: PTH116
        except OSError as exc:
            raise UsageError(f"the cache {folder} cannot be used: {exc.strerror}") from exc
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise UsageError(f"the cache {folder} may be written to by others: name another")

    def of(self, root: Root) -> bytes | None:
        """Where the memory of a root lies; None if it has none: only projects near by have."""
        project = root.project
        if project is None or project.kind != KIND or not project.sources or not is_near(project):
            return None
        place = _folder(project) + b"\n" + root.name.encode("utf-8", "replace")
        return os.fsencode(os.path.join(self._folder, hashlib.sha256(place).hexdigest()))

    def adopt(self, spooled: str, place: bytes) -> None:
        """Put what a worker has written, if it has, in the place of what was there."""
        for part in PARTS:
            self._adopt(f"{spooled}.{part}", place + f".{part}".encode())

    def _adopt(self, spooled: str, place: bytes) -> None:
        made = place + b".%d" % os.getpid()
        with suppress(OSError):  # a full disk costs time with the next review, and nothing else
            try:
                _copy(spooled, made)
                os.replace(made, place)  # noqa: PTH105
            finally:
                with suppress(OSError):
                    os.unlink(made)  # noqa: PTH108


class Keeper:
    """What a worker is given: the memory to read, and where in its spool to leave the next."""

    def __init__(self, place: bytes, spooled: str) -> None:
        self._place, self._spooled = place, spooled

    def last(self, part: str) -> "Stored | None":
        try:
            found = Stored(os.open(self._place + f".{part}".encode(), _READING))
        except OSError:
            return None
        return found if len(found) <= _LARGEST else None

    def keep(self, part: str, data: bytes) -> None:
        with suppress(OSError), open(f"{self._spooled}.{part}", "wb") as file:
            file.write(data)


class Stored:
    """The bytes of an open file. What of it cannot be read is missing from what is given."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._size = os.fstat(file).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, span: slice) -> bytes:
        start, end, _ = span.indices(self._size)
        found = b""
        with suppress(OSError):
            while start < end and (data := os.pread(self._file, end - start, start)):
                found = found + data if found else data
                start += len(data)
        return found

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # The default keeps os.close reachable while the interpreter shuts down.
        with suppress(OSError):
            close(self._file)


def spooled(spool: str, root: int) -> str:
    """Where a worker leaves the memory of a root."""
    return f"{spool}/memory-{root}"


def _folder(project: Project) -> bytes:
    """The folder that all its files lie in, or its only file; links in it may lead elsewhere."""
    paths = [source.path for source in project.sources]
    try:
        return os.path.abspath(os.path.commonpath(paths))
    except ValueError:  # some are relative, some, by links, are not
        return os.path.commonpath([os.path.abspath(path) for path in paths])


def _copy(source: str, target: bytes) -> None:
    with open(os.open(source, _READING), "rb") as read:
        status = os.fstat(read.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return
        with open(os.open(target, _MAKING, 0o600), "wb") as written:
            while data := read.read(_STEP):
                written.write(data)
