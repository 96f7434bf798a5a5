"""Step 3 of the pickle check: opcodes that import and call nothing, whatever is on the stack."""

import re
from collections.abc import Callable
from functools import cache

from probatum.errors import Rejected

Read = Callable[[int, int], bytes]

_PIECE = 1 << 20
# `|(?!)` keeps a repetition that fails from moving the end: docs/decisions/0024.
_SINGLE = (
    rb"[\x94(tesuaN)}\]\x85\x86\x87\x88\x89012ld\x8f\x90\x91]|[hKq].|M..|[jrJ]....|G.{8}"
    rb"|\x80[\0-\5]|[VSLIFgp][^\n]*+\n"
)


def _texts(longest: int, zeros: bytes = b"") -> bytes:
    """Strings of up to so many bytes behind their length, each an alternative of its own."""
    return b"|".join(re.escape(bytes([n])) + zeros + b".{%d}" % n for n in range(longest + 1))


_DATA = re.compile(rb"(?s:%b|[\x8cCU\x8a](?:%b)|(?!))*+" % (_SINGLE, _texts(31)))


@cache
def _data_and_strings() -> re.Pattern[bytes]:
    """For long streams: strings of up to 255 bytes, with a length in one byte or in four."""
    strings = rb"[\x8cCU\x8a](?:%b)|[XB](?:%b)" % (_texts(255), _texts(255, rb"\0\0\0"))
    return re.compile(b"(?s:%b|%b|(?!))*+" % (_SINGLE, strings))


LENGTHS = {
    **dict.fromkeys(b"\x8cCU\x8a", 1),
    **dict.fromkeys(b"XBT\x8b", 4),
    **dict.fromkeys(b"\x8d\x8e\x96", 8),
}


def demand_data(read: Read, start: int, end: int, sha256: str) -> None:
    """`only_data` of bytes that were found to have this digest.

    Three certificates of a pickle need to know it, and the second and third are answered from the
    first: it depends on the bytes alone.
    """
    if _last != [(start, end, sha256)]:
        only_data(read, start, end)
        _last[:] = [(start, end, sha256)]


_last: list[tuple[int, int, str]] = []


def only_data(read: Read, start: int, end: int) -> None:
    """[start, end) is streams of opcodes that push data, each with its STOP."""
    at = start
    while at < end:
        stopped = data_until(read, at, end)
        if read(stopped, 1) != b".":
            raise Rejected(f"3: byte {stopped} is no data opcode")
        at = stopped + 1


def data_until(read: Read, at: int, end: int) -> int:
    """The offset, from `at` on, of the first STOP or byte that begins no whole data opcode.

    A frame must end between two opcodes, the last one after STOP: the C unpickler drops what is
    left of a frame that ends inside an opcode.
    """
    base, data = at, read(at, min(_PIECE, end - at))
    here = frame = 0
    pattern = _data_and_strings() if end - at > 1 << 18 else _DATA
    while True:
        found = pattern.match(data, here, frame - base if frame else len(data))
        here = found.end() if found else here
        if base + here == end:
            return end
        if frame and base + here == frame:
            frame = 0
            continue
        if here > len(data) - 16 and base + len(data) < end:
            base, data, here = base + here, read(base + here, min(_PIECE, end - base - here)), 0
            continue
        if data[here] == 0x2E and frame == base + here + 1:
            frame = 0
        after = _after(data, here, base, end, read)
        if data[here] == 0x95:
            after = -1 if frame else base + here + 9
            frame = after + int.from_bytes(data[here + 1 : here + 9], "little")
        if not base + here < after <= end or 0 < frame < after or frame > end:
            if frame:
                raise Rejected(f"3: a frame does not end between opcodes, near byte {base + here}")
            return base + here
        if after - base > len(data):
            base, data, here = after, read(after, min(_PIECE, end - after)), 0
        else:
            here = after - base


def _after(data: bytes, here: int, base: int, end: int, read: Read) -> int:
    """The offset after a string, bytes or line opcode, or -1."""
    width = LENGTHS.get(data[here])
    if width is not None:
        signed = data[here] in b"T\x8b"
        length = int.from_bytes(data[here + 1 : here + 1 + width], "little", signed=signed)
        return base + here + 1 + width + length if length >= 0 else -1
    if data[here] in b"VSLIFgp":
        return _long_line(read, base + here, end)
    return -1


def _long_line(read: Read, at: int, end: int) -> int:
    while at < end:
        piece = read(at, min(_PIECE, end - at))
        found = piece.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(piece)
    return -1
