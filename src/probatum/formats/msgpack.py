"""Walks a MessagePack file token by token, skipping the bytes of its arrays.

Flax writes its parameters so: maps and lists, with arrays as extension types 1 (array),
2 (complex) and 3 (array scalar), whose body is again MessagePack: shape, dtype name, buffer.

Sources: msgpack specification (2023), flax/serialization.py, msgpack_numpy.py.
"""

import hashlib
import re

from msgspec import Struct

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason, Undecided

MOST_VALUES = 4_000_000
SHORT = 256  # a text up to this many bytes is read, as a name may matter
WINDOW = 1 << 16
ARRAY, COMPLEX, SCALAR, TIME = 1, 2, 3, -1
# numpy.dtype of anything else could be a structure or an object; flax writes plain names.
DTYPE = re.compile(
    rb"(bool|u?int(4|8|16|32|64)|b?float16|float(32|64|128)|complex(64|128|256)|float8_[A-Za-z0-9]+)\Z"
)
# The first byte of each format, with the width of the number that follows it.
_NUMBERS = {
    0xCA: 4,
    0xCB: 8,
    0xCC: 1,
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
}
_TEXTS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_LISTS = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
_FIXED = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}


class Walked(Struct, frozen=True):
    """What a file holds: its number of values and extensions, and what keeps a proof open."""

    values: int
    extensions: int
    structure_sha256: str
    open: tuple[Undecided, ...]


def walked(material: Material) -> Walked:
    """The whole file, which must be exactly one value.

    Raises: FormatError TRUNCATED, MALFORMED, OVER_LIMIT.
    """
    walk = _Walk(material)
    walk.whole()
    return Walked(walk.values, walk.extensions, walk.state.hexdigest(), tuple(walk.open[:100]))


class _Walk:
    def __init__(self, material: Material) -> None:
        self.material = material
        self.state = hashlib.sha256()
        self.at = 0
        self.window = b""
        self.start = 0
        self.values = 0
        self.extensions = 0
        self.open: list[Undecided] = []

    def whole(self) -> None:
        wanted = 1
        while wanted:
            wanted += self.value() - 1
            self.values += 1
            if self.values > MOST_VALUES:
                raise FormatError(Reason.OVER_LIMIT, f"more than {MOST_VALUES} values")
            if wanted > self.material.size - self.at:
                raise FormatError(
                    Reason.TRUNCATED, f"{wanted} values are still to come", Place(offset=self.at)
                )
        if self.at != self.material.size:
            detail = "bytes follow the value: flax refuses them, a streaming reader reads on"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, detail, Place(offset=self.at))

    def value(self) -> int:
        """Reads one value's own bytes and says how many values belong to it."""
        first = self.take(1)[0]
        if first < 0x80 or first >= 0xE0 or first in (0xC0, 0xC2, 0xC3):
            return 0
        if first < 0xA0:
            return (first & 15) * (2 if first < 0x90 else 1)
        if first < 0xC0:
            return self.text(first & 31)
        if first in _NUMBERS:
            self.take(_NUMBERS[first])
            return 0
        if first in _TEXTS:
            return self.text(self.number(_TEXTS[first]))
        if first in _LISTS:
            width, each = _LISTS[first]
            return self.number(width) * each
        if first in _FIXED or first in _EXTENSIONS:
            length = _FIXED[first] if first in _FIXED else self.number(_EXTENSIONS[first])
            return self.extension(length)
        raise FormatError(Reason.MALFORMED, "the byte c1 begins nothing", Place(offset=self.at - 1))

    def text(self, length: int) -> int:
        if length > SHORT:
            self.skip(length)
        elif self.take(length) == b"nd":
            self.note("a map with the key 'nd': msgpack-numpy unpickles such an array of objects")
        return 0

    def extension(self, length: int) -> int:
        code = int.from_bytes(self.take(1), "big", signed=True)
        self.extensions += 1
        if code in (ARRAY, SCALAR):
            self.array(length)
        elif code in (COMPLEX, TIME):
            if length > SHORT:
                raise FormatError(Reason.MALFORMED, f"an extension {code} of {length} bytes")
            self.take(length)
        else:
            self.note(f"no summary says what a reader makes of the extension type {code}")
            self.skip(length)
        return 0

    def array(self, length: int) -> None:
        """An array's own header: three values, a shape, a dtype's name and a buffer."""
        begin = self.at
        head = self.material.read(begin, min(length, 4096))
        try:
            ndim, at = _list(head, 0)
            if ndim != 3:
                raise ValueError
            rank, at = _list(head, at)
            for _ in range(rank):
                at = _whole(head, at)
            name, at = _bytes(head, at)
            size, at = _length(head, at)
        except (ValueError, IndexError) as exc:
            detail = "an array's shape, dtype and buffer are not as flax writes them"
            raise FormatError(Reason.MALFORMED, detail, Place(offset=begin)) from exc
        if at + size != length:
            detail = f"an array's buffer of {size} bytes does not fill its extension"
            raise FormatError(Reason.MALFORMED, detail, Place(offset=begin))
        if not DTYPE.match(name):
            self.note(f"the dtype {name[:40]!r} is not a plain number")
        self.take(at)
        self.skip(size)

    def note(self, detail: str) -> None:
        if len(self.open) < 100:
            self.open.append(Undecided(Reason.MISSING_SUMMARY, detail, Place(offset=self.at)))

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def take(self, length: int) -> bytes:
        begin = self.at - self.start
        if begin < 0 or begin + length > len(self.window):
            self.start, begin = self.at, 0
            self.window = self.material.read(self.at, max(length, WINDOW))
        data = self.window[begin : begin + length]
        if len(data) < length:
            raise FormatError(
                Reason.TRUNCATED, "the file ends inside a value", Place(offset=self.at)
            )
        self.at += length
        self.state.update(data)
        return data

    def skip(self, length: int) -> None:
        """Passes over a payload; its place and length are bound by the bytes before it."""
        if self.at + length > self.material.size:
            detail = f"a value of {length} bytes passes the end of the file"
            raise FormatError(Reason.TRUNCATED, detail, Place(offset=self.at))
        self.at += length


def _list(data: bytes, at: int) -> tuple[int, int]:
    if data[at] & 0xF0 == 0x90:
        return data[at] & 15, at + 1
    if data[at] == 0xDC:
        return int.from_bytes(data[at + 1 : at + 3], "big"), at + 3
    raise ValueError


def _whole(data: bytes, at: int) -> int:
    """The place after a number that is not negative."""
    if data[at] < 0x80:
        return at + 1
    if 0xCC <= data[at] <= 0xCF:
        return at + 1 + _NUMBERS[data[at]]
    raise ValueError


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length of a string or binary, and the place where its bytes begin."""
    if data[at] & 0xE0 == 0xA0:
        return data[at] & 31, at + 1
    if data[at] not in _TEXTS:
        raise ValueError
    end = at + 1 + _TEXTS[data[at]]
    if end > len(data):
        raise ValueError
    return int.from_bytes(data[at + 1 : end], "big"), end


def _bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = _length(data, at)
    if at + length > len(data):
        raise ValueError
    return data[at : at + length], at + length
