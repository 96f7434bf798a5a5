"""Re-derives that a MessagePack file is one value whose extensions are Flax's own.

Facts: `size`, `values`, `extensions`, `structure_sha256` (over every byte but array buffers and
texts longer than 256 bytes).

1. the file is exactly one value; 2. each extension is an array (1), a complex number (2), an
array scalar (3) or a time stamp (-1); 3. an array is [shape, plain dtype, buffer] and the buffer
fills it; 4. no text is `nd`, the mark of msgpack-numpy; 5. the facts are these bytes'.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

CLAIM = "load-inert"
_WIDTHS = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
_PLAIN = {b"bool", b"bfloat16", b"float16", b"float32", b"float64", b"float128", b"complex64"}
_PLAIN |= {b"complex128", b"complex256"}
_PLAIN |= {
    sign + b"int" + bits for sign in (b"", b"u") for bits in (b"4", b"8", b"16", b"32", b"64")
}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the file is one value of plain data."""
    file = _File(read, size)
    wanted = 1
    while wanted:
        wanted += file.value() - 1
        file.values += 1
    if file.at != size:
        _reject("step 1: bytes follow the value")
    derived = {
        "size": size,
        "values": file.values,
        "extensions": file.extensions,
        "structure_sha256": file.state.hexdigest(),
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 5: the facts are not those of these bytes")


class _File:
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self.read, self.size, self.at = read, size, 0
        self.values = self.extensions = 0
        self.state = hashlib.sha256()
        self.held, self.held_at = b"", 0

    def take(self, length: int) -> bytes:
        skip = self.at - self.held_at
        if skip + length > len(self.held):
            self.held, self.held_at, skip = self.read(self.at, max(length, 1 << 16)), self.at, 0
        data = self.held[skip : skip + length]
        if len(data) != length:
            _reject("step 1: the file ends inside a value")
        self.at += length
        self.state.update(data)
        return data

    def skip(self, length: int) -> None:
        if self.at + length > self.size:
            _reject("step 1: a value passes the end")
        self.at += length

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def value(self) -> int:
        first = self.number(1)
        if first < 0x80 or first >= 0xE0 or first in (0xC0, 0xC2, 0xC3):
            return 0
        if first < 0x90:
            return 2 * (first - 0x80)
        if first < 0xA0:
            return first - 0x90
        if first < 0xC0 or first in (0xC4, 0xC5, 0xC6, 0xD9, 0xDA, 0xDB):
            self.text(first)
            return 0
        if first in _WIDTHS:
            self.take(_WIDTHS[first])
            return 0
        if first >= 0xDC:
            return self.number(2 + 2 * (first & 1)) * (1 + (first >= 0xDE))
        if first == 0xC1:
            _reject("step 1: a byte that begins nothing")
        self.extension(1 << (first - 0xD4) if first >= 0xD4 else self.number(1 << (first - 0xC7)))
        return 0

    def text(self, first: int) -> None:
        length = self.length(first)
        if length > 256:
            self.skip(length)
        elif self.take(length) == b"nd":
            _reject("step 4: an array of msgpack-numpy")

    def length(self, first: int) -> int:
        if 0xA0 <= first < 0xC0:
            return first - 0xA0
        widths = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
        if first not in widths:
            _reject("step 3: not a text or a buffer")
        return self.number(widths[first])

    def extension(self, length: int) -> None:
        code = self.number(1)
        self.extensions += 1
        end = self.at + length
        if code in (2, 255) and length <= 256:
            self.take(length)
        elif code in (1, 3):
            self.array()
        else:
            _reject(f"step 2: an extension of type {code}")
        if self.at != end:
            _reject("step 3: an array does not fill its extension")

    def array(self) -> None:
        if self.number(1) != 0x93:
            _reject("step 3: not three values")
        rank = self.number(1)
        if rank != 0xDC and rank & 0xF0 != 0x90:
            _reject("step 3: no shape")
        for _ in range(self.number(2) if rank == 0xDC else rank & 15):
            first = self.number(1)
            if 0xCC <= first <= 0xCF:
                self.take(_WIDTHS[first])
            elif first >= 0x80:
                _reject("step 3: a size that is not a whole number")
        name = self.take(self.length(self.number(1)))
        if name not in _PLAIN and not (name[:7] == b"float8_" and name[7:].isalnum()):
            _reject("step 3: a dtype that is not plain")
        self.skip(self.length(self.number(1)))


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
