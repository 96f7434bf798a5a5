"""Unfolds compressed streams piece by piece: gzip, bzip2, xz, zlib, zstd, lz4.

Whatever the input claims, one step yields at most a few MiB, and windows are bounded: a bomb is
stopped by its Allowance while it unfolds. Frames that follow each other are one content where the
format says so; anything else behind a frame is a place where readers part ways.

Source: RFC 1950, 1951, 1952; the .xz file format 1.2.0; RFC 8878 (zstd); LZ4 frame format 1.6.4;
joblib/compressor.py (raw zlib streams, LZMA alone), joblib/numpy_pickle_compat.py ("ZF" files).
"""

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from probatum.errors import FormatError
from probatum.formats.allowance import Allowance
from probatum.formats.member import Member, Unfolded
from probatum.formats.spool import spool
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

KINDS = frozenset({"gzip", "bzip2", "xz", "zlib", "zstd", "lz4"})

_T = TypeVar("_T")
_FAULTS = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError, MemoryError)
_IN = 1 << 18
_OUT = 1 << 20
_WINDOW = 256 << 20
_SUFFIXES = (".gz", ".bz2", ".xz", ".lzma", ".zst", ".zstd", ".lz4", ".z", ".bz")
_TARS = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar", ".tzst": ".tar"}


class Machine(Protocol):
    """A decompressor of one frame, as bz2 and lzma have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def unfold(name: str, kind: str, material: Material, allowance: Allowance) -> Unfolded:
    """The one content of a compressed stream, named as the file is without its last suffix.

    It is unfolded at once, so that a stream that ends badly is trouble of the whole file too.
    """
    allowance.count(1)
    kept = spool(unfolded(kind, material), allowance, material.beside)
    return Unfolded((Member(inner_name(name), kept.material, trouble=kept.trouble),), kept.trouble)


def inner_name(name: str) -> str:
    """What the content of the compressed file `name` is called."""
    base = name.rpartition("/")[2]
    for suffix in _SUFFIXES:
        if base.lower().endswith(suffix) and len(base) > len(suffix):
            return base[: -len(suffix)]
    for suffix, becomes in _TARS.items():
        if base.lower().endswith(suffix):
            return base[: -len(suffix)] + becomes
    return base or "content"


def unfolded(kind: str, material: Material) -> Iterator[bytes]:
    """The content of a stream of `kind`, in pieces of a few MiB at most.

    Raises: FormatError on bytes that are not the format's, or that its readers take differently.
    """
    start = _old_joblib_header(material) if kind == "zlib" else 0
    machine, step = _machine(kind)
    alone = kind == "zlib" or (kind == "xz" and material.read(0, 6) != b"\xfd7zXZ\0")
    yield from frames(machine, _read(material, start, step), kind, 1 if alone else None)


def zip_method(method: int, packed: Iterable[bytes], at: int) -> Iterator[bytes]:
    """The content of a ZIP member that is compressed by `method`."""
    if method == 8:
        machine: Callable[[], Machine] = lambda: _Zlib(-15)  # noqa: E731
    elif method == 12:
        machine = bz2.BZ2Decompressor
    elif method == 14:
        packed, machine = _zip_lzma(iter(packed), at)
    elif method in (20, 93):
        machine, step = _machine("zstd")
        packed = (piece[i : i + step] for piece in packed for i in range(0, len(piece), step))
    else:
        raise FormatError(
            Reason.UNSUPPORTED, f"compression method {method} of ZIP", Place(offset=at)
        )
    return frames(machine, packed, "member", frames=1)


def frames(
    machine: Callable[[], Machine], packed: Iterable[bytes], kind: str, frames: int | None = None
) -> Iterator[bytes]:
    """Every frame's content; `frames` is how many there may be."""
    source, seen = iter(packed), 0
    data = next(source, b"")
    while data or not seen:
        if seen == frames:
            raise FormatError(
                Reason.PARSER_DIFFERENTIAL, f"bytes follow the end of the compressed {kind}"
            )
        one = _guarded(machine, kind, seen)
        yield from _frame(one, data, source, kind, seen)
        data, seen = one.unused_data or next(source, b""), seen + 1


def _frame(
    machine: Machine, data: bytes, source: Iterator[bytes], kind: str, seen: int
) -> Iterator[bytes]:
    while True:
        piece = _guarded(lambda: machine.decompress(data, _OUT), kind, seen)  # noqa: B023
        if piece:
            yield piece
        if machine.eof:
            return
        data = b""
        if machine.needs_input:
            data = next(source, b"")
            if not data:
                raise FormatError(Reason.TRUNCATED, f"the compressed {kind} is cut short")


def _guarded(step: Callable[[], _T], kind: str, seen: int) -> _T:
    try:
        return step()
    except _FAULTS as exc:
        raise _fault(exc, kind, seen) from exc


def _fault(exc: Exception, kind: str, seen: int) -> FormatError:
    said = str(exc).lower()
    if isinstance(exc, MemoryError) or "memory" in said or "window" in said:
        return FormatError(Reason.OVER_LIMIT, f"the compressed {kind} asks for too large a window")
    if seen:
        return FormatError(
            Reason.PARSER_DIFFERENTIAL,
            f"bytes follow the compressed {kind} that are no further frame of it",
        )
    return FormatError(Reason.MALFORMED, f"the compressed {kind} cannot be unfolded: {exc}")


def _read(material: Material, start: int, step: int) -> Iterator[bytes]:
    while piece := material.read(start, step):
        yield piece
        start += len(piece)


def _machine(kind: str) -> tuple[Callable[[], Machine], int]:
    """How to make a decompressor of one frame, and how much it may be fed at a time."""
    match kind:
        case "gzip":
            return lambda: _Zlib(31), _IN
        case "zlib":
            return lambda: _Zlib(15), _IN
        case "bzip2":
            return bz2.BZ2Decompressor, _IN
        case "xz":
            return lambda: lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_WINDOW), _IN
        case "zstd":
            return _zstd(), 1 << 10
        case "lz4":
            return _lz4(), _IN
    raise FormatError(Reason.UNSUPPORTED, f"compression {kind!r}")


class _Zlib:
    """zlib's decompressor with the manners of bz2's and lzma's."""

    def __init__(self, window: int) -> None:
        self._one = zlib.decompressobj(window)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._one.eof

    @property
    def unused_data(self) -> bytes:
        return self._one.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._full

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._one.decompress(self._one.unconsumed_tail + data, max_length)
        self._full = bool(self._one.unconsumed_tail) or len(piece) == max_length
        return piece


class _Zstd:
    """zstandard's decompressor with the manners of bz2's and lzma's.

    It has no limit on its output: it is fed so little that even a run of one byte stays small.
    """

    needs_input = True

    def __init__(self, one: Any, fault: type[Exception]) -> None:
        self._one = one
        self._fault = fault

    @property
    def eof(self) -> bool:
        return bool(self._one.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._one.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        try:
            return bytes(self._one.decompress(data))
        except self._fault as exc:
            raise ValueError(str(exc)) from exc


def _zstd() -> Callable[[], Machine]:
    try:
        import zstandard
    except ImportError as exc:
        raise missing("zstd") from exc

    def machine() -> Machine:
        bounded = zstandard.ZstdDecompressor(max_window_size=_WINDOW // 2)
        return _Zstd(bounded.decompressobj(), zstandard.ZstdError)

    return machine


def _lz4() -> Callable[[], Machine]:
    try:
        frame = importlib.import_module("lz4.frame")
    except ImportError as exc:
        raise missing("lz4") from exc
    made: Callable[[], Machine] = frame.LZ4FrameDecompressor
    return made


def missing(kind: str) -> FormatError:
    """What to say where the extra that opens `kind` is not installed."""
    return FormatError(Reason.MISSING_EXTRA, f"to open {kind}: pip install 'probatum[archives]'")


def _old_joblib_header(material: Material) -> int:
    """Where the zlib stream begins: joblib before 0.10 put "ZF" and a length in hex before it."""
    return 21 if material.read(0, 4) == b"ZF0x" else 0


def _zip_lzma(packed: Iterator[bytes], at: int) -> tuple[Iterator[bytes], Callable[[], Machine]]:
    """ZIP's LZMA: a version, the properties' size, the properties, then the raw stream."""
    head = next(packed, b"")
    size = int.from_bytes(head[2:4], "little")
    if len(head) < 9 or size != 5:
        raise FormatError(Reason.MALFORMED, "the LZMA properties are wrong", Place(offset=at))
    code, window = head[4], int.from_bytes(head[5:9], "little")
    if code >= 225 or window > _WINDOW:
        raise FormatError(Reason.OVER_LIMIT, "LZMA asks for too large a window", Place(offset=at))
    filters = [
        {
            "id": lzma.FILTER_LZMA1,
            "dict_size": max(window, 4096),
            "lc": code % 9,
            "lp": code // 9 % 5,
            "pb": code // 45,
        }
    ]

    def rest() -> Iterator[bytes]:
        yield head[9:]
        yield from packed

    return rest(), lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
