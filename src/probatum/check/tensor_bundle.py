"""Re-derives that a TensorFlow checkpoint's index is sound, and restores numbers and text alone.

facts = {"size": bytes, "sha256": hex of the file, "tensors": int,
         "shards": [how many bytes each shard must hold]}

1. Blocks, none compressed, then the footer cover the file; keys stand in order, the header first.
2. Each tensor is of a plain type, of a size that its shape comes to, in a shard that is there;
   no two overlap; none is sliced. Both `header-sound` and `load-inert` rest on these.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from probatum.errors import Rejected

CLAIMS = ("header-sound", "load-inert")
_MAGIC = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
_STRING = 7
_WIDE = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 8: 8, 9: 8, 10: 1, 11: 1, 12: 1, 13: 4, 14: 2}
_WIDE |= {15: 2, 16: 2, 17: 2, 18: 16, 19: 2, 22: 4, 23: 8, 24: 1, 25: 1}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raise Rejected unless the index says what `facts` say, and says it soundly."""
    _demand(
        isinstance(facts, dict) and set(facts) == {"size", "sha256", "tensors", "shards"},
        "the facts' names",
    )
    _demand(type(facts["size"]) is int and facts["size"] == size <= 64 << 20, "the size differs")
    data = read(0, size)
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    _demand(len(data) == size >= 48 and data[-8:] == _MAGIC, "step 1: no footer")
    pairs = _pairs(data)
    key, header = next(pairs, (b"?", b""))
    told = dict(_message(header))
    count = told.get(1)
    shards = count if isinstance(count, int) and key == b"" else 0
    _demand(0 < shards <= 100_000, "step 1: no header")
    _demand(told.get(2, 0) == 0, "step 2: big-endian numbers")
    spans: list[list[tuple[int, int]]] = [[] for _ in range(shards)]
    tensors = 0
    for next_key, value in pairs:
        _demand(next_key > key, "step 1: keys out of order")
        shard, begin, end = _span(value)
        _demand(shard < len(spans), "step 2: a shard that is not there")
        spans[shard].append((begin, end))
        key, tensors = next_key, tensors + 1
    derived = [_end(one) for one in spans]
    said = facts["shards"]
    _demand(type(facts["tensors"]) is int and facts["tensors"] == tensors, "another count")
    _demand(isinstance(said, list) and all(type(one) is int for one in said), "no sizes")
    _demand(said == derived, "other sizes of shards")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _pairs(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    end, footer = 0, _Numbers(data[-48:-8])
    meta, meta_size, top, top_size = (footer.next() for _ in range(4))
    _demand(not any(footer.rest()), "step 1: more in the footer")
    for _, handle in _block(data, top, top_size):
        numbers = _Numbers(handle)
        start, length = numbers.next(), numbers.next()
        _demand(start == end and not numbers.rest(), "step 1: a gap between blocks")
        yield from _block(data, start, length)
        end = start + length + 5
    _demand(meta == end and top == meta + meta_size + 5, "step 1: a gap between blocks")
    _demand(top + top_size + 5 == len(data) - 48, "step 1: bytes before the footer")
    _demand(not list(_block(data, meta, meta_size)), "step 1: a block of other things")


def _block(data: bytes, start: int, length: int) -> Iterator[tuple[bytes, bytes]]:
    stop = start + length
    _demand(length >= 4 and stop + 53 <= len(data) and data[stop] == 0, "step 1: no plain block")
    restarts = int.from_bytes(data[stop - 4 : stop], "little")
    _demand(4 * restarts + 4 <= length, "step 1: restarts that pass their block")
    numbers, key = _Numbers(data[start : stop - 4 * restarts - 4]), b""
    while numbers.left():
        shared, own, size = numbers.next(), numbers.next(), numbers.next()
        _demand(shared <= len(key), "step 1: a key that shares too much")
        key = key[:shared] + numbers.take(own)
        yield key, numbers.take(size)


def _span(value: bytes) -> tuple[int, int, int]:
    told: dict[int, int | bytes] = {}
    for number, held in _message(value):
        _demand(number in (1, 2, 3, 4, 5, 6) and number not in told, "step 2: told another way")
        told[number] = held
    kind, shard, offset, size = (told.get(number, 0) for number in (1, 3, 4, 5))
    shape, crc = told.get(2, b""), told.get(6, b"....")
    if not (isinstance(kind, int) and isinstance(shard, int) and isinstance(crc, bytes)):
        raise Rejected("step 2: a field of another type")
    if not (isinstance(offset, int) and isinstance(size, int) and isinstance(shape, bytes)):
        raise Rejected("step 2: a field of another type")
    _demand(len(crc) == 4 and offset + size < 1 << 62, "step 2: beyond any file")
    elements = 1
    for place, (number, dimension) in enumerate(_message(shape)):
        _demand(number == 2 and isinstance(dimension, bytes) and place < 254, "step 2: a shape")
        sizes = [one for field, one in _message(bytes(dimension)) if field == 1] or [0]
        _demand(isinstance(sizes[-1], int) and sizes[-1] < 1 << 48, "step 2: a dimension")
        elements *= int(sizes[-1])
    if kind == _STRING:
        _demand(size >= elements, "step 2: fewer bytes than strings")
    else:
        _demand(kind in _WIDE, f"step 2: a tensor of type {kind}")
        _demand(size == elements * _WIDE[kind], "step 2: a size that is not the shape's")
    return shard, offset, offset + size


def _end(spans: list[tuple[int, int]]) -> int:
    reached = 0
    for begin, end in sorted(spans):
        _demand(begin >= reached or begin == end, "step 2: tensors overlap")
        reached = max(reached, end)
    return reached


def _message(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    numbers = _Numbers(data)
    while numbers.left():
        tag = numbers.next()
        if tag & 7 == 0:
            yield tag >> 3, numbers.next()
        else:
            sizes = {1: 8, 5: 4}
            _demand(tag & 7 in (1, 2, 5), "step 2: a field of no kind")
            yield tag >> 3, numbers.take(numbers.next() if tag & 7 == 2 else sizes[tag & 7])


class _Numbers:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def left(self) -> bool:
        return self._at < len(self._data)

    def rest(self) -> bytes:
        return self._data[self._at :]

    def take(self, size: int) -> bytes:
        _demand(size <= len(self._data) - self._at, "step 1: cut short")
        self._at += size
        return self._data[self._at - size : self._at]

    def next(self) -> int:
        value = 0
        for place in range(10):
            byte = self.take(1)[0]
            value |= (byte & 127) << 7 * place
            if byte < 128:
                break
        _demand(byte < 128 and value < 1 << 64, "step 1: a number of more than 64 bits")
        return value
