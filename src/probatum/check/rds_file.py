"""Re-derives that a serialised R object holds nothing that runs, or nothing but data.

Facts: `claim` (load-inert or data-shaped), `size`, `items`, `structure_sha256` (over every byte
but, in the binary forms, the elements of numeric vectors and texts over 1 MiB).

1. the file is one item, to its last byte; 2. no promise that is not kept, no active binding, no
package or name space but those that R attaches itself, no unknown type; 3. compact vectors are of
base R's own classes; 4. for data-shaped, and for a workspace, no function, call, expression, byte
code or pointer; 5. the facts are these bytes'.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

_WIDTHS = {10: 4, 13: 4, 14: 8, 15: 16, 24: 1}
_CODE = {3, 5, 6, 7, 8, 20, 21, 22, 23}
_COMPACT = {b"compact_intseq", b"compact_realseq", b"deferred_string"}
_COMPACT |= {b"wrap_integer", b"wrap_logical", b"wrap_real", b"wrap_complex", b"wrap_raw"}
_COMPACT |= {b"wrap_string", b"wrap_list"}
_OWN = {b"base", b"datasets", b"grDevices", b"graphics", b"methods", b"stats", b"utils"}
_WORD = re.compile(rb"[ \t-\r]*([!-~]{1,100})[ \t-\r]")
_ELEMENT = re.compile(rb"NA|NaN|-?Inf|[-+0-9.a-fA-FxXpP]+")
_LETTERS = dict(zip(b"ntvbrfa", b"\n\t\v\b\r\f\a", strict=True))
# What is to be read: so many items; constants of byte code; its cells; a promise's value.
_ITEM, _INSTRUCTIONS, _CONSTANT, _CELL, _VALUE = range(5)
Due = list[list[int]]


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless walking the items gives exactly these facts."""
    claim = facts.get("claim")
    if claim not in ("load-inert", "data-shaped"):
        _reject("step 5: another claim")
    start = 5 if read(0, 2) == b"RD" else 0
    form = read(start, 2)
    if form not in (b"A\n", b"X\n", b"B\n"):
        _reject("step 1: no known form")
    file = (_Words if form == b"A\n" else _File)(read, size)
    file.take(start + 2)
    file.big = form == b"X\n"
    file.data_only = start > 0 or claim == "data-shaped"
    file.begin()
    due = [[_ITEM, 1, 0]]
    while due:
        if due[-1][1] == 0:
            due.pop()
            continue
        due[-1][1] -= 1
        due += file.one(due[-1][0], due[-1][2])
    file.end()
    derived = {
        "claim": claim,
        "size": size,
        "items": file.items,
        "structure_sha256": file.state.hexdigest(),
    }
    # Compared as text: True is not 1, and 1.0 is not 1.
    if json.dumps(facts, sort_keys=True, default=repr) != json.dumps(derived, sort_keys=True):
        _reject("step 5: the facts are not those of these bytes")


class _File:
    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self.read, self.size = read, size
        self.at = self.items = self.held_at = 0
        self.held = b""
        self.state = hashlib.sha256()
        self.big = self.data_only = False
        self.names: list[bytes] = []
        # What a compact vector owes next: 1 its list, 2 its class, 3 a second cell, 4 its package.
        self.compact = 0

    def begin(self) -> None:
        version = self.number()
        self.number()
        self.number()
        if version == 3:
            self.text()
        elif version != 2:
            _reject("step 1: another version")

    def one(self, what: int, again: int) -> Due:
        """Reads one of what is due, and says what is due next, the last first."""
        if what == _VALUE:
            return self.item(promised=True)
        if what == _INSTRUCTIONS:
            if self.number() & 0x3FF != 13:
                _reject("step 2: byte code without its instructions")
            self.items += 1
            self.numbers(13)
            return [[_CONSTANT, self.number(), again]]
        if what == _ITEM:
            return self.item()
        return self.constant(what, again)

    def constant(self, what: int, again: int) -> Due:
        kind = self.number()
        if kind == 21 and what == _CONSTANT:
            return [[_INSTRUCTIONS, 1, again]]
        if kind in (243, 244) and self.number() >= again:
            _reject("step 1: a cell of byte code that is not there")
        if kind == 243:
            return []
        if kind == 244:
            kind = self.number()
            if kind not in (2, 6, 239, 240):
                _reject("step 1: a cell of byte code that is none")
        if kind in (2, 6, 239, 240):
            return [[_CELL, 2, again], [_ITEM, 1 + (kind > 6), 0]]
        return self.item()

    def item(self, promised: bool = False) -> Due:
        """Reads one item's own bytes and says what belongs to it."""
        self.items += 1
        flags = self.number()
        kind, attributes = flags & 0xFF, flags >> 9 & 1
        if self.data_only and kind in _CODE:
            _reject("step 4: code among the values")
        if promised and kind == 252:
            _reject("step 2: a promise that is not kept")
        if kind in (2, 3, 5, 6, 17) and flags >> 27 & 1:
            _reject("step 2: a binding that is active")
        if self.compact and kind in (5, 21):
            _reject("step 3: a compact vector without a description")
        if kind == 5:
            return [[_ITEM, 1, 0], [_VALUE, 1, 0], [_ITEM, attributes + (flags >> 10 & 1), 0]]
        if kind == 21:
            again = self.number()
            return [[_ITEM, attributes, 0], [_INSTRUCTIONS, 1, again]]
        return [[_ITEM, self.children(flags, kind, attributes), 0]]

    def children(self, flags: int, kind: int, attributes: int) -> int:
        """Reads the item's own bytes and says how many items belong to it."""
        due, self.compact = self.compact, 0
        if due in (1, 3):
            # A plain cell without attributes and tag: its first child is the class, or package.
            if kind != 2 or flags & 0x600:
                _reject("step 3: a compact vector without a description")
            self.compact = due + 1
            return 2
        if due and kind not in (1, 255):
            _reject("step 3: a compact vector without a class and package")
        if kind == 1:
            self.names.append(self.plain_text())
            self.known(due, self.names[-1])
            return 0
        if kind == 255:
            index = flags >> 8 or self.number()
            if not 0 < index <= len(self.names):
                _reject("step 1: a reference to nothing")
            self.known(due, self.names[index - 1])
            return 0
        return self.other(kind, attributes, flags >> 10 & 1)

    def known(self, due: int, name: bytes) -> None:
        if (due == 2 and name not in _COMPACT) or (due == 4 and name != b"base"):
            _reject("step 3: a compact class of somebody else")
        self.compact = 3 if due == 2 else 0

    def other(self, kind: int, attributes: int, tag: int) -> int:
        if kind in (0, 241, 242, 250, 251, 252, 253, 254):
            return 0
        if kind in (2, 3, 6, 17):
            return 2 + attributes + tag
        if kind in _WIDTHS:
            self.numbers(kind)
            return attributes
        if kind == 9:
            self.text()
            return attributes
        if kind in (16, 19, 20):
            return self.count() + attributes
        if kind == 4:
            self.names.append(b"")
            self.number()
            return 4
        if kind in (22, 23):
            self.names.append(b"")
            return attributes + 2 * (kind == 22)
        if kind == 25:
            return attributes
        if kind in (7, 8):
            self.text()
            return attributes
        if kind == 238:
            self.compact = 1
            return 3
        if kind in (248, 249):
            return self.package(kind == 248)
        return _reject(f"step 2: an item of type {kind}")

    def package(self, attached: bool) -> int:
        if self.number():
            _reject("step 1: names in names")
        said = [self.plain_text() for _ in range(min(self.number(), 17))]
        first = said[0] if said and (len(said) == 1 or not attached) else b""
        known = {b"package:" + name for name in _OWN} if attached else _OWN
        if first not in known or len(said) > 16:
            _reject("step 2: a package that R does not attach itself")
        self.names.append(b"")
        return 0

    def plain_text(self) -> bytes:
        if self.number() & 0x2FF != 9:
            _reject("step 1: a name is no plain text")
        return self.text()

    def text(self) -> bytes:
        length = self.number()
        return b"NA" if length == 0xFFFFFFFF else self.letters(length)

    def letters(self, length: int) -> bytes:
        if length > 1 << 20:
            self.skip(length)
            return b""
        return self.take(length)

    def numbers(self, kind: int) -> None:
        self.skip(self.count() * _WIDTHS[kind])

    def end(self) -> None:
        if self.at != self.size:
            _reject("step 1: bytes follow the object")

    def count(self) -> int:
        length = self.number()
        if length == 0xFFFFFFFF:
            length = self.number() << 32 | self.number()
        return length

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big" if self.big else "little")

    def take(self, length: int) -> bytes:
        skip = self.at - self.held_at
        if skip + length > len(self.held):
            self.held, self.held_at, skip = self.read(self.at, max(length, 1 << 16)), self.at, 0
        data = self.held[skip : skip + length]
        if len(data) != length:
            _reject("step 1: the file ends inside an item")
        self.at += length
        self.state.update(data)
        return data

    def skip(self, length: int) -> None:
        if self.at + length > self.size:
            _reject("step 1: a vector passes the end")
        self.at += length


class _Words(_File):
    """The ASCII form."""

    def word(self) -> bytes:
        for more in (False, True):
            skip = self.at - self.held_at
            if more or skip >= len(self.held):
                self.held, self.held_at, skip = self.read(self.at, 1 << 16), self.at, 0
            found = _WORD.match(self.held, skip)
            if found:
                self.take(found.end() - skip)
                return found[1]
        return _reject("step 1: no word where one should stand")

    def number(self) -> int:
        word = self.word()
        if word == b"NA":
            return 1 << 31
        if not re.fullmatch(rb"-?[0-9]{1,10}", word) or not -(1 << 31) <= int(word) < 1 << 31:
            _reject("step 1: no number of 32 bits")
        return int(word) & 0xFFFFFFFF

    def numbers(self, kind: int) -> None:
        for _ in range(self.count() * (2 if kind == 15 else 1)):
            if not _ELEMENT.fullmatch(self.word()):
                _reject("step 1: no number")

    def peek(self) -> int:
        skip = self.at - self.held_at
        if skip >= len(self.held):
            self.held, self.held_at, skip = self.read(self.at, 1 << 16), self.at, 0
        return self.held[skip] if self.held else _reject("step 1: the file ends inside a text")

    def letters(self, length: int) -> bytes:
        while length and self.peek() in b" \t\n\v\f\r":
            self.take(1)
        out = bytearray()
        while len(out) < length:
            letter = self.take(1)[0]
            out.append(self.escaped() if letter == 92 else letter)
        return bytes(out)

    def escaped(self) -> int:
        digits = ""
        while len(digits) < 3 and chr(self.peek()) in "01234567":
            digits += chr(self.take(1)[0])
        if digits:
            return int(digits, 8) & 0xFF
        letter = self.take(1)[0]
        return _LETTERS.get(letter, letter)

    def end(self) -> None:
        if self.size - self.at > 1 or self.read(self.at, 1) not in (b"", b"\n"):
            _reject("step 1: bytes follow the object")
        self.take(self.size - self.at)


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
