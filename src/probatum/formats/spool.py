"""Unfolded bytes, kept in memory while they are few and in an unnamed temporary file beyond."""

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.allowance import Allowance
from probatum.material import BytesMaterial
from probatum.ports import Material
from probatum.vocabulary import Reason

IN_MEMORY = 1 << 20


class Spooled(Struct, frozen=True):
    """What was kept: the bytes, and the trouble that ended them early, if any did."""

    material: Material
    trouble: FormatError | None


def spool(chunks: Iterable[bytes], allowance: Allowance | None, beside: frozenset[str]) -> Spooled:
    """Keep the bytes that `chunks` yields, charging `allowance`, until it ends or raises."""
    writer, size = Writer(), 0
    try:
        for chunk in chunks:
            size += len(chunk)
            if allowance is not None:
                allowance.charge(len(chunk))
                allowance.within_member(size)
            writer.write(chunk)
    except FormatError as exc:
        return writer.kept(beside, exc)
    return writer.kept(beside)


class Writer:
    """Takes bytes in order; `kept` turns them into a material."""

    def __init__(self) -> None:
        self._few: list[bytes] = []
        self._file: _Unnamed | None = None
        self._size = 0

    def write(self, chunk: bytes) -> int:
        """Raises: FormatError if the temporary folder is full."""
        self._size += len(chunk)
        try:
            if self._file is None and self._size > IN_MEMORY:
                self._file = _Unnamed()
                for early in self._few:
                    self._file.write(early)
                self._few.clear()
            if self._file is not None:
                self._file.write(chunk)
            else:
                self._few.append(chunk)
        except OSError as exc:
            self._size -= len(chunk)
            raise _full(exc) from exc
        return len(chunk)

    def kept(self, beside: frozenset[str], trouble: FormatError | None = None) -> Spooled:
        """What was written so far; nothing may be written afterwards."""
        if self._file is None:
            return Spooled(BytesMaterial(b"".join(self._few), beside), trouble)
        return Spooled(_FileSpool(self._file, self._size, beside), trouble)


def _full(exc: OSError) -> FormatError:
    return FormatError(
        Reason.OVER_LIMIT, f"the temporary folder cannot hold what it unfolds to: {exc.strerror}"
    )


class _Unnamed:
    """A temporary file that has no name, and goes when nothing refers to it any more.

    It is a bare descriptor: a file object in a cycle of references (an exception and its frames)
    may be finalised, with a warning, before whoever would have closed it.
    """

    def __init__(self) -> None:
        import tempfile  # most audits unfold nothing large

        self.descriptor, path = tempfile.mkstemp(prefix="probatum-")
        Path(path).unlink()

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class _FileSpool:
    """The bytes of a temporary file."""

    def __init__(self, file: _Unnamed, size: int, beside: frozenset[str]) -> None:
        self._file = file
        self._size = size
        self._beside = beside

    @property
    def size(self) -> int:
        return self._size

    @property
    def beside(self) -> frozenset[str]:
        return self._beside

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self._size - offset)
        return os.pread(self._file.descriptor, length, offset) if length > 0 else b""
