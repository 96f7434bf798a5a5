"""Reads UBJSON as XGBoost writes it, into the values that json.loads would give.

Source: ubjson.org (draft 12); xgboost src/common/json.cc (UBJReader).
"""

import struct
from typing import Any

from probatum.errors import FormatError
from probatum.vocabulary import Place, Reason

MOST_DEPTH = 64
# Marker: struct letter of a number, always big-endian.
NUMBERS = {b"i": "b", b"U": "B", b"I": "h", b"l": "i", b"L": "q", b"d": "f", b"D": "d"}
WORDS = {b"Z": None, b"T": True, b"F": False}


def parsed(data: bytes) -> Any:
    """The one value that `data` holds, to its last byte.

    Raises: FormatError.
    """
    reader = _Reader(data)
    value = reader.value(reader.take(1), 0)
    if reader.at != len(data):
        raise reader.malformed("bytes follow the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def malformed(self, detail: str) -> FormatError:
        return FormatError(Reason.MALFORMED, detail, Place(offset=self.at))

    def take(self, length: int) -> bytes:
        piece = self.data[self.at : self.at + length]
        if length < 0 or len(piece) < length:
            raise FormatError(Reason.TRUNCATED, "the file ends inside a value")
        self.at += length
        return piece

    def number(self, marker: bytes) -> int | float:
        letter = NUMBERS[marker]
        found: int | float = struct.unpack(">" + letter, self.take(struct.calcsize(letter)))[0]
        return found

    def length(self) -> int:
        marker = self.take(1)
        if marker not in b"iUIlL":
            raise self.malformed("a length that is no whole number")
        found = self.number(marker)
        if not isinstance(found, int) or found < 0 or found > len(self.data):
            raise self.malformed(f"a length of {found}")
        return found

    def text(self) -> str:
        try:
            return self.take(self.length()).decode("utf-8")
        except UnicodeDecodeError as exc:
            raise self.malformed("a text that is not UTF-8") from exc

    def value(self, marker: bytes, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise FormatError(Reason.OVER_LIMIT, "nested too deeply")
        if marker in NUMBERS:
            return self.number(marker)
        if marker in WORDS:
            return WORDS[marker]
        if marker == b"S":
            return self.text()
        if marker == b"[":
            return self.array(depth)
        if marker == b"{":
            return self.object(depth)
        raise self.malformed(f"no value begins with {marker!r}")

    def object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.data[self.at : self.at + 1] != b"}":
            key = self.text()
            if key in found:
                detail = f"the key {key[:60]!r} stands twice"
                raise FormatError(Reason.PARSER_DIFFERENTIAL, detail, Place(offset=self.at))
            found[key] = self.value(self.take(1), depth + 1)
        self.at += 1
        return found

    def array(self, depth: int) -> list[Any]:
        marker = self.take(1)
        if marker == b"$":
            letter = NUMBERS.get(self.take(1))
            if letter is None or self.take(1) != b"#":
                raise self.malformed("an array of no type that is read here")
            count = self.length()
            raw = self.take(count * struct.calcsize(letter))
            return list(struct.unpack(f">{count}{letter}", raw))
        if marker == b"#":
            return [self.value(self.take(1), depth + 1) for _ in range(self.length())]
        found: list[Any] = []
        while marker != b"]":
            found.append(self.value(marker, depth + 1))
            marker = self.take(1)
        return found
