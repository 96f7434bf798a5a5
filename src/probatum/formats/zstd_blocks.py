"""Walks the blocks of zstd frames without unfolding them, to find what readers treat differently.

Some readers pass over a skippable frame, others stop there or refuse it; a dictionary lies
elsewhere; reserved bits may mean something to a later reader.

Source: RFC 8878, section 3.1.
"""

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

_MAGIC = b"\x28\xb5\x2f\xfd"
_MOST_BLOCK = 128 << 10
_MOST_WINDOW = 128 << 20


def demand_plain(material: Material, at: int = 0, end: int | None = None) -> None:
    """Raise FormatError unless [at, end) is frames without a dictionary, and nothing else."""
    end = material.size if end is None else end
    while True:
        at = _frame(material, at)
        if at >= end:
            break
    if at > end:
        raise FormatError(Reason.TRUNCATED, "a zstd frame is cut short", Place(offset=end))


def _frame(material: Material, start: int) -> int:
    head = material.read(start, 14).ljust(14, b"\0")
    if not head.startswith(_MAGIC):
        raise _differs("no plain zstd frame stands where one should", start)
    flags, at = head[4], 5
    if flags & 3:
        raise FormatError(Reason.UNSUPPORTED, "zstd with a dictionary", Place(offset=start))
    if flags & 0x18:
        raise _differs("reserved bits of a zstd frame are set", start)
    single, form = flags & 0x20, flags >> 6
    if not single:
        window = (8 + (head[5] & 7)) << 7 + (head[5] >> 3)
        at += 1
    if single or form:
        size = int.from_bytes(head[at : at + (1 << form)], "little") + (256 if form == 1 else 0)
        at += 1 << form
    if single:
        window = size
    if window > _MOST_WINDOW:
        raise FormatError(
            Reason.OVER_LIMIT, "zstd asks for too large a window", Place(offset=start)
        )
    return _blocks(material, start + at, min(window, _MOST_BLOCK)) + (4 if flags & 4 else 0)


def _blocks(material: Material, at: int, most: int) -> int:
    last = False
    while not last:
        head = material.read(at, 3)
        if len(head) < 3:
            raise FormatError(Reason.TRUNCATED, "a zstd block is cut short", Place(offset=at))
        value = int.from_bytes(head, "little")
        last, kind, size = bool(value & 1), value >> 1 & 3, value >> 3
        if size > most or kind == 3:
            raise _differs("a zstd block is larger than its frame allows, or of no kind", at)
        at += 3 + (1 if kind == 1 else size)
    return at


def _differs(says: str, at: int) -> FormatError:
    return FormatError(Reason.PARSER_DIFFERENTIAL, says, Place(offset=at))
