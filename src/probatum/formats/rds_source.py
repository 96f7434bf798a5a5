"""Where R's reader takes its numbers and texts from: binary forms, or words of ASCII.

Everything that is taken goes into one digest, from the file's first byte on; the elements of
numeric vectors and long texts of a binary form are skipped, and stay out of it.

Source: R 4.3 src/main/serialize.c (InInteger, InReal, InString, InWord).
"""

import hashlib
import re
from typing import Literal, Protocol

from probatum.errors import FormatError
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

MOST_TEXT = 1 << 20
_WINDOW = 1 << 16
_LONGEST = 100
_MOST_WORDS = 64 << 20
_WORD = re.compile(rb"[ \t-\r]*([!-~]{1,100})[ \t-\r]")
_INTEGER = re.compile(rb"-?[0-9]{1,10}|NA")
_ELEMENT = re.compile(rb"NA|NaN|-?Inf|[-+0-9.a-fA-FxXpP]+")
_SPACE = re.compile(rb"[ \t-\r]*")
_ESCAPES = {ord(key): ord(value) for key, value in zip("ntvbrfa", "\n\t\v\b\r\f\a", strict=True)}
_OCTAL = b"01234567"
_COMPLEX = 15


class Source(Protocol):
    """Numbers and texts, one after the other; `at` is where the next one stands."""

    at: int

    @property
    def state(self) -> "hashlib._Hash": ...
    def number(self) -> int: ...
    def text(self, length: int) -> bytes: ...
    def skip_numbers(self, count: int, kind: int, width: int) -> None: ...
    def end(self) -> None: ...


class _Window:
    def __init__(self, material: Material, at: int) -> None:
        self.material = material
        self.at = at
        self.state = hashlib.sha256(material.read(0, at))
        self.start = at
        self.window = b""

    def filled(self, length: int) -> int:
        """Where in the window the next byte stands, so many bytes of the file being in it."""
        begin = self.at - self.start
        if begin < 0 or begin + length > len(self.window):
            self.start, begin = self.at, 0
            self.window = self.material.read(self.at, max(length, _WINDOW))
        return begin

    def took(self, data: bytes) -> bytes:
        self.at += len(data)
        self.state.update(data)
        return data

    def cut_short(self, says: str) -> FormatError:
        return FormatError(Reason.TRUNCATED, says, Place(offset=self.at))


class Binary(_Window):
    """The XDR form and the native form."""

    def __init__(self, material: Material, at: int, order: Literal["big", "little"]) -> None:
        super().__init__(material, at)
        self._order = order

    def number(self) -> int:
        return int.from_bytes(self._take(4), self._order)

    def text(self, length: int) -> bytes:
        if length > MOST_TEXT:
            self._skip(length)
            return b""
        return self._take(length)

    def skip_numbers(self, count: int, kind: int, width: int) -> None:
        self._skip(count * width)

    def end(self) -> None:
        if self.at != self.material.size:
            raise FormatError(
                Reason.MALFORMED, "bytes follow the serialised object", Place(offset=self.at)
            )

    def _take(self, length: int) -> bytes:
        begin = self.filled(length)
        data = self.window[begin : begin + length]
        if len(data) < length:
            raise self.cut_short("the file ends inside an item")
        return self.took(data)

    def _skip(self, length: int) -> None:
        if self.at + length > self.material.size:
            raise self.cut_short(f"a vector of {length} bytes passes the end of the file")
        self.at += length


class Words(_Window):
    """The ASCII form: words between white space, and texts with escapes."""

    def number(self) -> int:
        word = self._word()
        if not _INTEGER.fullmatch(word):
            raise self._malformed("no whole number")
        value = -(1 << 31) if word == b"NA" else int(word)
        if not -(1 << 31) <= value < 1 << 31:
            raise self._malformed("a number of more than 32 bits")
        return value & 0xFFFFFFFF

    def text(self, length: int) -> bytes:
        if not length:
            return b""
        while space := self._spaces():
            self.took(space)
        if length > min(_MOST_WORDS, self.material.size - self.at):
            raise self.cut_short(f"a text of {length} bytes passes the end of the file")
        out = bytearray()
        while len(out) < length:
            begin = self.filled(1)
            run = self.window[begin : begin + length - len(out)].partition(b"\\")[0]
            if run:
                out += self.took(run)
            else:
                out.append(self._escaped())
        return bytes(out)

    def skip_numbers(self, count: int, kind: int, width: int) -> None:
        count *= 2 if kind == _COMPLEX else 1
        if 2 * count > self.material.size - self.at:
            raise self.cut_short(f"a vector of {count} numbers passes the end of the file")
        for _ in range(count):
            if not _ELEMENT.fullmatch(self._word()):
                raise self._malformed("no number")

    def end(self) -> None:
        rest = self.material.read(self.at, 2)
        if rest not in (b"", b"\n"):
            raise FormatError(
                Reason.MALFORMED, "bytes follow the serialised object", Place(offset=self.at)
            )
        self.took(rest)

    def _word(self) -> bytes:
        begin = self.filled(1)
        found = _WORD.match(self.window, begin)
        if found is None:
            begin = self.filled(_WINDOW)
            found = _WORD.match(self.window, begin)
        if found is None:
            if self.material.size - self.at <= _LONGEST:
                raise self.cut_short("the file ends inside an item")
            raise self._malformed("no word where one should stand")
        self.took(self.window[begin : found.end()])
        return found[1]

    def _spaces(self) -> bytes:
        begin = self.filled(1)
        found = _SPACE.match(self.window, begin)
        return found[0] if found else b""

    def _escaped(self) -> int:
        """What a backslash and what follows it stand for: a letter, or up to three octal digits."""
        self._next()
        code, digits = 0, 0
        while digits < 3 and (value := self._peek()) in _OCTAL:
            code, digits = code * 8 + value - _OCTAL[0], digits + 1
            self._next()
        if digits:
            return code & 0xFF
        value = self._next()
        return _ESCAPES.get(value, value)

    def _peek(self) -> int:
        begin = self.filled(1)
        if begin >= len(self.window):
            raise self.cut_short("the file ends inside a text")
        return self.window[begin]

    def _next(self) -> int:
        value = self._peek()
        self.took(bytes((value,)))
        return value

    def _malformed(self, says: str) -> FormatError:
        return FormatError(Reason.MALFORMED, says, Place(offset=self.at))
