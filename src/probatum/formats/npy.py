"""The header of a numpy array file, read more strictly than numpy reads it.

Source: NEP 1 and numpy/lib/format.py (`read_array`, 1.17 to 2.x).
"""

import re
from math import prod
from typing import Any, Final

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.pickle_dtypes import from_code
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

MAGIC: Final = b"\x93NUMPY"
_LONGEST_HEADER: Final = 1 << 16
_TOKEN: Final = re.compile(
    r"[ \n]*(?:(?P<text>'[^'\\\n]*'|\"[^\"\\\n]*\")|(?P<number>0|[1-9][0-9]{0,17})"
    r"|(?P<word>True|False)|(?P<mark>[(){}\[\],:]))"
).match
_DEEPEST: Final = 16


class NpyHeader(Struct, frozen=True):
    """`data` is the offset of the array's bytes (or of its pickle, where it has objects).

    `code` is numpy's code of the data type, empty where it has fields; `fortran` says that the
    first dimension is the fastest.
    """

    shape: tuple[int, ...]
    itemsize: int
    objects: bool
    data: int
    code: str = ""
    fortran: bool = False

    @property
    def end(self) -> int:
        """The offset after the array's bytes, for an array without objects."""
        return self.data + self.itemsize * prod(self.shape)


def header(material: Material) -> NpyHeader:
    """The header of an .npy file. Raises: FormatError."""
    start = material.read(0, 12)
    if not start.startswith(MAGIC) or len(start) < 10:
        raise _malformed("no numpy array file", 0)
    version = start[6]
    if version not in (1, 2, 3) or start[7] != 0:
        raise FormatError(Reason.UNSUPPORTED, f"array file version {version}.{start[7]}")
    width = 2 if version == 1 else 4
    length = int.from_bytes(start[8 : 8 + width], "little")
    data = 8 + width + length
    if length > _LONGEST_HEADER:
        raise FormatError(Reason.OVER_LIMIT, f"a header of {length} bytes", Place(offset=8))
    if data > material.size:
        raise FormatError(Reason.TRUNCATED, "the file ends inside its header", Place(offset=8))
    raw = material.read(8 + width, length)
    try:
        text = raw.decode("utf-8" if version == 3 else "latin-1")
    except UnicodeDecodeError as exc:
        raise _malformed("a header that is not UTF-8", 8 + width + exc.start) from exc
    return _checked(_Literal(text, 8 + width).whole(), data)


def _checked(found: Any, data: int) -> NpyHeader:
    if not isinstance(found, dict) or set(found) != {"descr", "fortran_order", "shape"}:
        raise _malformed("a header without exactly descr, fortran_order and shape", 8)
    shape = found["shape"]
    if type(shape) is not tuple or not all(type(length) is int for length in shape):
        raise _malformed("a shape that is no tuple of lengths", 8)
    if type(found["fortran_order"]) is not bool:
        raise _malformed("fortran_order is neither True nor False", 8)
    descr, fortran = found["descr"], found["fortran_order"]
    itemsize, objects = _dtype(descr, 0)
    code = descr if isinstance(descr, str) else ""
    return NpyHeader(shape, itemsize, objects, data, code, fortran)


def _dtype(descr: Any, depth: int) -> tuple[int, bool]:
    """(bytes of an element, holds objects) of a descr: a code, or a list of named fields."""
    if depth > _DEEPEST:
        raise _malformed("fields nested too deep", 8)
    if isinstance(descr, str):
        known = from_code(descr)
        if known is None:
            raise FormatError(Reason.UNSUPPORTED, f"the data type {descr[:60]!r}", Place(offset=8))
        return known.itemsize, known.objects
    if not isinstance(descr, list) or not descr:
        raise _malformed("a descr that names no data type", 8)
    size, objects = 0, False
    for field in descr:
        if type(field) is not tuple or len(field) not in (2, 3):
            raise _malformed("a field that is no (name, type) pair", 8)
        inner, holds = _dtype(field[1], depth + 1)
        lengths = field[2] if len(field) == 3 else ()
        if type(lengths) is not tuple or not all(type(length) is int for length in lengths):
            raise _malformed("a field whose shape is no tuple of lengths", 8)
        size += inner * prod(lengths)
        objects |= holds
    return size, objects


class _Literal:
    """The few Python literals that numpy writes: no escapes, no arithmetic, no names."""

    def __init__(self, text: str, offset: int) -> None:
        self.text = text
        self.offset = offset
        self.at = 0

    def whole(self) -> Any:
        if "\0" in self.text:  # Python's own reader refuses the whole header
            raise self._wrong()
        value = self._value(0)
        if self.text[self.at :].strip(" \n"):
            raise self._wrong()
        return value

    def _value(self, depth: int) -> Any:
        kind, token = self._next()
        if depth > _DEEPEST:
            raise self._wrong()
        if kind == "text":
            return token[1:-1]
        if kind == "number":
            return int(token)
        if kind == "word":
            return token.startswith("T")
        match token:
            case "(":
                return self._tuple(depth)
            case "[":
                return self._items("]", depth)
            case "{":
                return self._pairs(depth)
        raise self._wrong()

    def _tuple(self, depth: int) -> tuple[Any, ...]:
        start = self.at
        items = self._items(")", depth)
        if len(items) == 1 and not self.text[start : self.at - 1].rstrip().endswith(","):
            raise self._wrong()
        return tuple(items)

    def _items(self, closing: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not self._follows(closing):
            items.append(self._value(depth + 1))
            if not self._follows(","):
                self._must(closing)
                break
        return items

    def _pairs(self, depth: int) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        while not self._follows("}"):
            key = self._value(depth + 1)
            self._must(":")
            if not isinstance(key, str) or key in pairs:
                raise self._wrong()
            pairs[key] = self._value(depth + 1)
            if not self._follows(","):
                self._must("}")
                break
        return pairs

    def _next(self) -> tuple[str, str]:
        found = _TOKEN(self.text, self.at)
        if not found or not found.lastgroup:
            raise self._wrong()
        self.at = found.end()
        return found.lastgroup, found[found.lastgroup]

    def _follows(self, mark: str) -> bool:
        found = _TOKEN(self.text, self.at)
        if not found or found["mark"] != mark:
            return False
        self.at = found.end()
        return True

    def _must(self, mark: str) -> None:
        if not self._follows(mark):
            raise self._wrong()

    def _wrong(self) -> FormatError:
        return _malformed("a header that numpy would not have written", self.offset + self.at)


def _malformed(detail: str, offset: int) -> FormatError:
    return FormatError(Reason.MALFORMED, detail, Place(offset=offset))
