"""Unfolds compressed streams in pieces, for the checkers, and compares one with what is listed."""

import bz2
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from probatum.check import lz4_frames, zstd_frames
from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
# Name, size, place of the data, and SHA-256 in hex if it was taken.
Listed = list[tuple[str, int, int, str | None]]
_STEP = 1 << 20


def stream(format: object, listed: Listed, read: Read, size: int, seen: Any) -> None:
    def packed(start: int = 0) -> Iterator[bytes]:
        for piece in pieces(read, 0, size):
            seen.update(piece)
            yield piece[start:]
            start = 0

    if format == "gzip":
        content = inflated(lambda: zlib.decompressobj(31), packed())
    elif format == "zlib":
        start = 21 if read(0, min(size, 4)) == b"ZF0x" else 0
        content = inflated(zlib.decompressobj, packed(start), frames=1)
    elif format == "bzip2":
        content = unfolded(bz2.BZ2Decompressor, packed())
    elif format == "xz":
        alone = read(0, min(size, 6)) != b"\xfd7zXZ\0"
        form = lzma.FORMAT_ALONE if alone else lzma.FORMAT_XZ
        machine = lambda: lzma.LZMADecompressor(form, 256 << 20)  # noqa: E731
        content = unfolded(machine, packed(), frames=1 if alone else None)
    elif format == "lz4":
        content = lz4_frames.unfolded(packed())
    elif format == "zstd":
        content = zstd_frames.unfolded(packed())
    else:
        raise Rejected("an unknown format")
    _demand(len(listed) == 1, "a stream has one member")
    digest, length = hashlib.sha256(), 0
    for piece in content:
        length += len(piece)
        _demand(length <= listed[0][1], "the content is longer than listed")
        digest.update(piece)
    _demand(listed[0] == ("", length, 0, digest.hexdigest()), "another content than listed")


def inflated(
    machine: Callable[[], Any], packed: Iterator[bytes], frames: int | None = None
) -> Iterator[bytes]:
    one, count = machine(), 1
    for piece in packed:
        while piece:
            if one.eof:
                _demand(count != frames, "bytes follow the compressed data")
                one, count = machine(), count + 1
            yield _more(one, piece)
            piece = one.unused_data if one.eof else one.unconsumed_tail
    while not one.eof:
        rest = _more(one, b"")
        _demand(rest, "the compressed data is cut short")
        yield rest


def unfolded(
    machine: Callable[[], Any], packed: Iterator[bytes], frames: int | None = None
) -> Iterator[bytes]:
    one, count = machine(), 1
    for piece in packed:
        while piece or not (one.needs_input or one.eof):
            if one.eof:
                _demand(count != frames, "bytes follow the compressed data")
                one, count = machine(), count + 1
            yield one.decompress(piece, _STEP)
            piece = one.unused_data if one.eof else b""
    _demand(one.eof, "the compressed data is cut short")


def _more(machine: Any, packed: bytes) -> bytes:
    try:
        unfolded: bytes = machine.decompress(packed, _STEP)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as exc:
        raise Rejected(f"the compressed data does not unfold: {exc}") from exc
    return unfolded


def pieces(read: Read, at: int, length: int) -> Iterator[bytes]:
    for start in range(at, at + length, _STEP):
        yield read(start, min(_STEP, at + length - start))


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
