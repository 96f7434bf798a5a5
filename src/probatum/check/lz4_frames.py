"""Unfolds LZ4 frames, slowly and in few lines, for the checkers.

Checksums are not recomputed: a reader that does may refuse the file, and sees no other content.
Source: LZ4 frame format 1.6.4, LZ4 block format.
"""

from collections.abc import Iterator

from probatum.errors import Rejected

_MAGIC = b"\x04\x22\x4d\x18"
_HISTORY = 1 << 16
_SIZES = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22}


def unfolded(packed: Iterator[bytes]) -> Iterator[bytes]:
    """The content of the frames, block by block. Raises: Rejected where there are none such."""
    source = _Source(packed)
    while True:
        yield from _frame(source)
        if source.ended():
            return


class _Source:
    def __init__(self, packed: Iterator[bytes]) -> None:
        self._packed = packed
        self._rest = b""

    def take(self, size: int) -> bytes:
        while len(self._rest) < size:
            piece = next(self._packed, b"")
            if not piece:
                raise Rejected("the compressed data is cut short")
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def ended(self) -> bool:
        if not self._rest:
            self._rest = next(self._packed, b"")
        return not self._rest

    def number(self) -> int:
        return int.from_bytes(self.take(4), "little")


def _frame(source: _Source) -> Iterator[bytes]:
    if source.take(4) != _MAGIC:
        raise Rejected("no LZ4 frame")
    flags, limits = source.take(2)
    most = _SIZES.get(limits >> 4)
    if flags >> 6 != 1 or flags & 3 or most is None or limits & 0x8F:
        raise Rejected("an LZ4 frame of another version, or with a dictionary")
    size = int.from_bytes(source.take(8), "little") if flags & 8 else None
    source.take(1)
    history, total = b"", 0
    while (length := source.number()) != 0:
        if length & 0x7FFFFFFF > most:
            raise Rejected("a block larger than its frame allows")
        data = source.take(length & 0x7FFFFFFF)
        block = data if length >> 31 else _block(data, b"" if flags & 0x20 else history, most)
        source.take(4 if flags & 16 else 0)
        history = (history + block)[-_HISTORY:]
        total += len(block)
        yield block
    source.take(4 if flags & 4 else 0)
    if size not in (None, total):
        raise Rejected("the content's size is not what the frame says")


def _block(data: bytes, history: bytes, most: int) -> bytes:
    out, at = bytearray(history), 0
    start = len(history)
    try:
        while True:
            token = data[at]
            length, at = _length(data, at + 1, token >> 4)
            if at + length > len(data):
                raise Rejected("a block's literals are cut short")
            out += data[at : at + length]
            at += length
            if at == len(data):
                break
            offset = data[at] | data[at + 1] << 8
            length, at = _length(data, at + 2, token & 15)
            _copy(out, offset, length + 4)
            if len(out) - start > most:
                break
    except IndexError as exc:
        raise Rejected("a block is cut short") from exc
    if len(out) - start > most:
        raise Rejected("a block unfolds to more than its frame allows")
    return bytes(out[start:])


def _length(data: bytes, at: int, value: int) -> tuple[int, int]:
    if value == 15:
        more = 255
        while more == 255:
            more = data[at]
            value, at = value + more, at + 1
    return value, at


def _copy(out: bytearray, offset: int, length: int) -> None:
    begin = len(out) - offset
    if offset == 0 or begin < 0:
        raise Rejected("a match from before the content")
    if length > 1 << 23:
        raise Rejected("a match longer than any block")
    piece = out[begin : begin + length]
    out += (piece * (length // len(piece) + 1))[:length]
