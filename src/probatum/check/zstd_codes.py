"""The two codes of zstd, Huffman and FSE, and the bits that they are read from.

Source: RFC 8878, sections 4.1 (FSE) and 4.2 (Huffman).
"""

from collections.abc import Sequence

from probatum.errors import Rejected

_CHUNK = 64
Cells = list[tuple[int, int, int]]
"""Of each state: the symbol, how many bits to read, what to add them to for the next state."""


class Backward:
    """Bits from a stream's end to its start; `take` raises Rejected beyond the start."""

    def __init__(self, data: bytes) -> None:
        if not data or not data[-1]:
            raise Rejected("a stream of bits without its last mark")
        self._data, self._at = data, len(data) - 1
        self._left = data[-1].bit_length() - 1
        self._held = data[-1] & ~(-1 << self._left)

    def take(self, count: int) -> int:
        while self._left < count:
            if not self.fill():
                raise Rejected("a stream of bits is cut short")
        self._left -= count
        value = self._held >> self._left
        self._held &= ~(-1 << self._left)
        return value

    def fill(self) -> bool:
        """Hold more bits; False where there are no more."""
        start = max(0, self._at - _CHUNK)
        more = self._data[start : self._at]
        self._held = self._held << 8 * len(more) | int.from_bytes(more, "little")
        self._left += 8 * len(more)
        self._at = start
        return bool(more)

    def left(self) -> int:
        return self._left + 8 * self._at

    def symbols(self, table: Sequence[tuple[int, int]], depth: int, count: int) -> bytes:
        """`count` symbols of a Huffman code, which must use up the bits."""
        out, mask = bytearray(), (1 << depth) - 1
        held, left = self._held, self._left
        for _ in range(count):
            if left < depth:
                self._held, self._left = held & ~(-1 << left), left
                self.fill()
                held, left = self._held, self._left
            if left < depth:
                symbol, used = table[held << depth - left & mask]
            else:
                symbol, used = table[held >> left - depth & mask]
            left -= used
            if left < 0:
                raise Rejected("a Huffman stream is cut short")
            out.append(symbol)
        if left or self._at:
            raise Rejected("bits are left over in a Huffman stream")
        return bytes(out)


def probabilities(data: bytes, at: int, deepest: int, most: int) -> tuple[list[int], int, int]:
    """An FSE code's probabilities for at most `most` symbols, its log, and where they end."""
    value = int.from_bytes(data[at : at + 128], "little")
    log, place = (value & 15) + 5, 4
    if log > deepest:
        raise Rejected("an FSE table that is too deep")
    found: list[int] = []
    left = 1 << log
    while left > 0 and len(found) < most:
        bits = (left + 1).bit_length()
        one = value >> place & ~(-1 << bits)
        low, spare = ~(-1 << bits - 1), (1 << bits) - 2 - left
        if one & low < spare:
            one, bits = one & low, bits - 1
        elif one > low:
            one -= spare
        place += bits
        found.append(one - 1)
        left -= abs(one - 1)
        again = 3 if one == 1 else 0
        while again == 3:
            again = value >> place & 3
            place += 2
            found += [0] * again
            if len(found) > most:
                raise Rejected("an FSE table of too many symbols")
    end = at + (place + 7) // 8
    if left or end > len(data):
        raise Rejected("an FSE table whose probabilities are wrong")
    return found, log, end


def fse(chances: Sequence[int], log: int) -> Cells:
    """The decoding table of an FSE code."""
    size = 1 << log
    symbols, high = [0] * size, size
    for symbol, chance in enumerate(chances):
        if chance < 0:
            high -= 1
            symbols[high] = symbol
    at, step = 0, (size >> 1) + (size >> 3) + 3
    for symbol, chance in enumerate(chances):
        for _ in range(chance):
            symbols[at] = symbol
            at = at + step & size - 1
            while at >= high:
                at = at + step & size - 1
    if at:
        raise Rejected("an FSE table that does not close")
    following, cells = [abs(chance) for chance in chances], []
    for symbol in symbols:
        state = following[symbol]
        following[symbol] += 1
        bits = log - state.bit_length() + 1
        cells.append((symbol, bits, (state << bits) - size))
    return cells


def huffman(data: bytes, at: int, end: int) -> tuple[list[tuple[int, int]], int, int]:
    """A Huffman code's decoding table (symbol and length), its depth, and where it ends."""
    if at >= end:
        raise Rejected("a Huffman table is cut short")
    head = data[at]
    if head < 128:
        stop = at + 1 + head
        weights = _weights(data[at + 1 : stop])
    else:
        stop = at + 1 + (head - 126) // 2
        both = (nibble for byte in data[at + 1 : stop] for nibble in (byte >> 4, byte & 15))
        weights = list(both)[: head - 127]
    total = sum(1 << weight - 1 for weight in weights if weight)
    depth = total.bit_length()
    last = (1 << depth) - total
    if stop > end or not total or depth > 11 or max(weights) > depth or last & last - 1:
        raise Rejected("a Huffman table whose weights are wrong")
    weights.append(last.bit_length())
    table: list[tuple[int, int]] = []
    for weight in range(1, depth + 1):
        for symbol, own in enumerate(weights):
            if own == weight:
                table += [(symbol, depth + 1 - weight)] * (1 << weight - 1)
    return table, depth, stop


def _weights(data: bytes) -> list[int]:
    """The weights that two interleaved states of one FSE code tell until the bits run out."""
    chances, log, start = probabilities(data, 0, 6, 13)
    cells, bits, found = fse(chances, log), Backward(data[start:]), list[int]()
    states = [bits.take(log), bits.take(log)]
    while len(found) < 255:
        symbol, count, add = cells[states[0]]
        found.append(symbol)
        if bits.left() < count:
            found.append(cells[states[1]][0])
            break
        states = [states[1], add + bits.take(count)]
    if len(found) > 255:
        raise Rejected("too many Huffman weights")
    return found
