"""Re-derives that a fastText model is its options, its words and two matrices, to its last byte.

facts = {"size": bytes, "words": how many words and labels,
         "structure_sha256": of every byte that is no number of a matrix}

1. The magic number and a known version; 2. as many words as are told, each ended by a zero byte,
with a count and a type; 3. two matrices, dense or quantised, of the sizes that they tell; 4. the
file ends there. Both `load-inert` and `header-sound` rest on these. Source: fastText 0.9.3.
"""

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIMS = ("load-inert", "header-sound")


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raise Rejected unless walking the model gives exactly these facts."""
    file = _File(read, size)
    magic, version = file.numbers("ii")
    _demand(magic == 793712314 and version in (11, 12), "step 1: another format or version")
    file.take(56)
    words = _words(file)
    for _ in range(2):
        _matrix(file)
    _demand(file.at == size, "step 4: bytes follow the model")
    derived = {"size": size, "words": words, "structure_sha256": file.state.hexdigest()}
    # Compared as text: True is not 1, and 1.0 is not 1.
    same = json.dumps(facts, sort_keys=True, default=repr) == json.dumps(derived, sort_keys=True)
    _demand(same, "the facts are not those of these bytes")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _words(file: "_File") -> int:
    count, words, labels, tokens, pruned = file.numbers("iiiqq")
    _demand(min(count, words, labels, tokens) >= 0 <= pruned + 1, "step 2: a negative count")
    _demand(count == words + labels, "step 2: other words than are told")
    for _ in range(count):
        length = 0
        while file.take(1) != b"\0":
            length += 1
            _demand(length < 1 << 16, "step 2: a word without an end")
        seen, kind = file.numbers("qb")
        _demand(length and seen >= 0 and kind in (0, 1), "step 2: a word of nothing or no type")
    file.skip(8 * max(0, pruned))
    return count


def _matrix(file: "_File") -> None:
    (quantised,) = file.numbers("B")
    _demand(quantised in (0, 1), "step 3: neither dense nor quantised")
    normed = file.numbers("B")[0] if quantised else 0
    rows, columns = file.numbers("qq")
    _demand(rows >= 0 <= columns and normed in (0, 1), "step 3: a negative size")
    if not quantised:
        file.skip(4 * rows * columns)
        return
    (codes,) = file.numbers("i")
    file.skip(codes)
    _demand(codes == rows * _parts(file, columns), "step 3: codes of another size")
    if normed:
        file.skip(rows)
        _demand(_parts(file, 1) == 1, "step 3: norms of several numbers")


def _parts(file: "_File", columns: int) -> int:
    dimension, parts, width, last = file.numbers("iiii")
    _demand(min(parts, width, last) >= 0 and parts > 0, "step 3: a negative size")
    told = dimension == columns == (parts - 1) * width + last and last <= width
    _demand(told, "step 3: centroids of another shape")
    file.skip(1024 * dimension)
    return parts


class _File:
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self.read, self.size = read, size
        self.at = self.held_at = 0
        self.held = b""
        self.state = hashlib.sha256()

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def take(self, length: int) -> bytes:
        skip = self.at - self.held_at
        if skip + length > len(self.held):
            self.held, self.held_at, skip = self.read(self.at, 1 << 16), self.at, 0
        data = self.held[skip : skip + length]
        _demand(len(data) == length, "step 4: the file is cut short")
        self.at += length
        self.state.update(data)
        return data

    def skip(self, length: int) -> None:
        _demand(0 <= length <= self.size - self.at, "step 4: a matrix passes the end")
        self.at += length
