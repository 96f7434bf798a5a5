"""Unfolds zstd frames, slowly and in few lines, for the checkers.

Stricter than the format where readers may part ways: no dictionary, no skippable frames, no
reserved bits, a window of at most 128 MiB. Checksums are not recomputed: a reader that does may
refuse the file, and sees no other content.
Source: RFC 8878, section 3.1.
"""

from collections.abc import Iterator, Sequence

from probatum.check.zstd_codes import Backward, Cells, fse, huffman, probabilities
from probatum.errors import Rejected

_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK = 128 << 10
_WINDOW = 128 << 20


def _codes(start: int, plain: int, bits: Sequence[int]) -> list[tuple[int, int]]:
    """The base and the number of extra bits of each code of a length."""
    base, found = start + plain, [(start + code, 0) for code in range(plain)]
    for count in bits:
        found.append((base, count))
        base += 1 << count
    return found


_LITERALS = _codes(0, 16, (1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
_MATCHES = _codes(3, 32, (1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
_OFFSETS = [(1 << code, code) for code in range(32)]
_CODES = (_LITERALS, _OFFSETS, _MATCHES)
_DEEPEST = (9, 8, 9)
_USUAL = (
    fse((4, 3, *[2] * 11, 1, 1, 1, *[2] * 9, 3, 2, *[1] * 5, *[-1] * 4), 6),
    fse((*[1] * 6, 2, 2, 2, *[1] * 15, *[-1] * 5), 5),
    fse((1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7), 6),
)


def unfolded(packed: Iterator[bytes], frames: int | None = None) -> Iterator[bytes]:
    """The content of the frames (no more than `frames`), block by block.

    Raises: Rejected where there are none such.
    """
    source, seen = _Source(packed), 0
    while not (seen and source.ended()):
        if seen == frames:
            raise Rejected("bytes follow the compressed data")
        yield from _frame(source)
        seen += 1


class _Source:
    def __init__(self, packed: Iterator[bytes]) -> None:
        self._packed = packed
        self._rest = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        while len(self._rest) - self._at < size:
            piece = next(self._packed, b"")
            if not piece:
                raise Rejected("the compressed data is cut short")
            self._rest, self._at = self._rest[self._at :] + piece, 0
        self._at += size
        return self._rest[self._at - size : self._at]

    def ended(self) -> bool:
        while self._at == len(self._rest):
            self._rest, self._at = next(self._packed, b""), 0
            if not self._rest:
                return True
        return False

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")


def _frame(source: _Source) -> Iterator[bytes]:
    if source.take(4) != _MAGIC:
        raise Rejected("no zstd frame")
    flags = source.take(1)[0]
    if flags & 0x1B:
        raise Rejected("a zstd frame with a dictionary or reserved bits")
    single, form = flags >> 5 & 1, flags >> 6
    scale = 0 if single else source.take(1)[0]
    window = (8 + (scale & 7)) << 7 + (scale >> 3)
    size = source.number(1 << form) if single or form else None
    if size is not None:
        size += 256 if form == 1 else 0
        window = size if single else window
    if window > _WINDOW:
        raise Rejected("a zstd frame with too large a window")
    frame, total, last = _Frame(window), 0, 0
    while not last:
        head = source.number(3)
        last, kind, length = head & 1, head >> 1 & 3, head >> 3
        if length > min(window, _BLOCK) or kind == 3:
            raise Rejected("a block larger than its frame allows, or of no kind")
        start = frame.begin()
        if kind == 2:
            frame.compressed(source.take(length), start)
        else:
            frame.out += source.take(length) if kind == 0 else source.take(1) * length
        total += len(frame.out) - start
        yield bytes(frame.out[start:])
    source.take(4 if flags & 4 else 0)
    if size not in (None, total):
        raise Rejected("the content's size is not what the frame says")


class _Frame:
    """What the blocks of one frame hand on: the last content, the codes, the last offsets."""

    def __init__(self, window: int) -> None:
        self.out = bytearray()
        self._window = window
        self._tree: tuple[list[tuple[int, int]], int] | None = None
        self._tables: list[tuple[Cells, int] | None] = [None] * 3
        self._offsets = (1, 4, 8)

    def begin(self) -> int:
        """Where the next block's content begins."""
        if len(self.out) > 2 * self._window + 8 * _BLOCK:
            del self.out[: len(self.out) - self._window]
        return len(self.out)

    def compressed(self, data: bytes, start: int) -> None:
        try:
            literals, at = self._literals(data)
            self._sequences(data, at, literals)
        except IndexError as exc:
            raise Rejected("a block is cut short") from exc
        if len(self.out) - start > min(self._window, _BLOCK):
            raise Rejected("a block unfolds to more than its frame allows")

    def _literals(self, data: bytes) -> tuple[bytes, int]:
        kind, form = data[0] & 3, data[0] >> 2 & 3
        if kind < 2:
            head = (1, 2, 1, 3)[form]
            size = int.from_bytes(data[:head], "little") >> (4 if form & 1 else 3)
            end = head + (1 if kind else size)
            content = data[head:end] * (size if kind else 1)
        else:
            head, width = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
            value = int.from_bytes(data[:head], "little") >> 4
            size, end = value & ~(-1 << width), head + (value >> width)
            content = (
                b""
                if size > _BLOCK or end > len(data)
                else self._coded(data, head, end, kind == 2, size, 4 if form else 1)
            )
        if len(content) != size or size > _BLOCK or end > len(data):
            raise Rejected("literals of another size than they have")
        return content, end

    def _coded(
        self, data: bytes, at: int, end: int, described: bool, size: int, streams: int
    ) -> bytes:
        if described:
            table, depth, at = huffman(data, at, end)
            self._tree = table, depth
        if self._tree is None:
            raise Rejected("literals of a Huffman code that was not told")
        if streams == 1:
            return Backward(data[at:end]).symbols(*self._tree, size)
        ends = [int.from_bytes(data[at + i : at + i + 2], "little") for i in (0, 2, 4)]
        at, each, found = at + 6, (size + 3) // 4, []
        for place, length in enumerate([*ends, end - at - sum(ends)]):
            if length < 1 or size < 6 or at + length > end:
                raise Rejected("a Huffman stream of no length")
            count = each if place < 3 else size - 3 * each
            found.append(Backward(data[at : at + length]).symbols(*self._tree, count))
            at += length
        return b"".join(found)

    def _sequences(self, data: bytes, at: int, literals: bytes) -> None:
        count, at = data[at], at + 1
        if count == 255:
            count, at = data[at] + (data[at + 1] << 8) + 0x7F00, at + 2
        elif count > 127:
            count, at = (count - 128 << 8) + data[at], at + 1
        if count == 0:
            if at != len(data):
                raise Rejected("bytes follow the literals of a block")
            self.out += literals
            return
        modes, at = data[at], at + 1
        if modes & 3:
            raise Rejected("reserved bits of a block are set")
        for which, shift in enumerate((6, 4, 2)):
            at = self._table(which, modes >> shift & 3, data, at)
        self._run(Backward(data[at:]), count, literals)

    def _table(self, which: int, mode: int, data: bytes, at: int) -> int:
        codes = _CODES[which]
        if mode == 0:
            self._tables[which] = _USUAL[which], len(_USUAL[which]).bit_length() - 1
        elif mode == 1:
            if data[at] >= len(codes):
                raise Rejected("a code that there is none of")
            self._tables[which], at = ([(data[at], 0, 0)], 0), at + 1
        elif mode == 2:
            chances, log, at = probabilities(data, at, _DEEPEST[which], len(codes))
            self._tables[which] = fse(chances, log), log
        return at

    def _run(self, bits: Backward, count: int, literals: bytes) -> None:
        tables = [table for table in self._tables if table is not None]
        if len(tables) != 3:
            raise Rejected("a block repeats a code that was not told")
        (lengths, _), (offsets, _), (matches, _) = tables
        literal, offset, match = (bits.take(log) for _, log in tables)
        take, used = bits.take, 0
        for left in range(count - 1, -1, -1):
            code, more, add = offsets[offset]
            distance = (1 << code) + take(code)
            base, extra = _MATCHES[matches[match][0]]
            length = base + take(extra)
            base, extra = _LITERALS[lengths[literal][0]]
            run = base + take(extra)
            if left:
                literal = lengths[literal][2] + take(lengths[literal][1])
                match = matches[match][2] + take(matches[match][1])
                offset = add + take(more)
            if used + run > len(literals):
                raise Rejected("a sequence of more literals than there are")
            self.out += literals[used : used + run]
            used += run
            self._copy(self._distance(distance, run), length)
        if bits.left():
            raise Rejected("bits are left over behind the sequences")
        self.out += literals[used:]

    def _distance(self, value: int, run: int) -> int:
        first, second, third = self._offsets
        if value > 3:
            self._offsets = value - 3, first, second
            return value - 3
        place = value - 1 + (run == 0)
        if place:
            found = (first, second, third, first - 1)[place]
            self._offsets = found, first, second if place > 1 else third
        return self._offsets[0]

    def _copy(self, distance: int, length: int) -> None:
        out = self.out
        begin = len(out) - distance
        if begin < 0 or not 0 < distance <= self._window:
            raise Rejected("a match from before the content")
        if distance >= length:
            out += out[begin : begin + length]
        else:
            piece = out[begin:]
            out += (piece * (length // distance + 1))[:length]
