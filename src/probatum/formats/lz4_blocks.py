"""Walks the blocks of LZ4 frames without unfolding them, to find what decoders treat differently.

A match that points before the content, or at itself, is forbidden, but the reference decoder
lets it pass in some places and yields bytes of its own.

Source: LZ4 block format, "Match"; LZ4 frame format 1.6.4.
"""

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_MAGIC = b"\x04\x22\x4d\x18"
_MOST_BLOCK = 4 << 20
_FAR = 1 << 16


def demand_plain(material: Material) -> None:
    """Raise FormatError unless every match of every frame points into the content before it."""
    at = 0
    while at < material.size:
        at = _frame(material, at)


def _frame(material: Material, at: int) -> int:
    head = material.read(at, 6)
    if len(head) < 6 or not head.startswith(_MAGIC):
        raise _differs("no LZ4 frame stands where one should", at)
    flags = head[4]
    if flags & 1:
        raise FormatError(Reason.UNSUPPORTED, "LZ4 with a dictionary", Place(offset=at))
    at += 7 + (8 if flags & 8 else 0)
    produced = 0
    while (length := int.from_bytes(material.read(at, 4), "little")) != 0:
        size = length & 0x7FFFFFFF
        if size > _MOST_BLOCK:
            raise _differs("a block is larger than any may be", at)
        data = material.read(at + 4, size)
        if len(data) < size:
            raise FormatError(Reason.TRUNCATED, "a block is cut short", Place(offset=at))
        before = 0 if flags & 0x20 else produced
        produced += size if length >> 31 else _walked(data, before, at + 4)
        at += 4 + size + (4 if flags & 16 else 0)
    return at + 4 + (4 if flags & 4 else 0)


def _walked(data: bytes, before: int, start: int) -> int:
    """How many bytes the block yields."""
    produced, at = 0, 0
    try:
        while True:
            token = data[at]
            literals, at = _length(data, at + 1, token >> 4)
            produced, at = produced + literals, at + literals
            if at == len(data):
                return produced
            offset = data[at] | data[at + 1] << 8
            if not 0 < offset <= min(before + produced, _FAR):
                raise _differs("a match points outside the content", start + at)
            match, at = _length(data, at + 2, token & 15)
            produced += match + 4
    except IndexError as exc:
        raise _differs("a block is cut short", start) from exc


def _length(data: bytes, at: int, value: int) -> tuple[int, int]:
    if value == 15:
        while True:
            value, at = value + data[at], at + 1
            if data[at - 1] != 255:
                break
    return value, at


def _differs(says: str, at: int) -> FormatError:
    return FormatError(Reason.PARSER_DIFFERENTIAL, says, Place(offset=at))
