"""Re-derives that a serialised R object holds nothing that runs, or nothing but data.

Facts: `claim` (load-inert or data-shaped), `size`, `items`, `structure_sha256` (over every byte
but the elements of numeric vectors and texts over 1 MiB).

1. the file is one item, to its last byte; 2. no promise, package or name space, byte code or
unknown type; 3. compact vectors are of base R's own classes; 4. for data-shaped, and for a
workspace, no function, call, expression or pointer; 5. the facts are these bytes'.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, NoReturn

from probatum.errors import Rejected

_WIDTHS = {10: 4, 13: 4, 14: 8, 15: 16, 24: 1}
_CODE = {3, 5, 6, 7, 8, 20, 22, 23}
_COMPACT = {b"compact_intseq", b"compact_realseq", b"deferred_string"}
_COMPACT |= {b"wrap_integer", b"wrap_logical", b"wrap_real", b"wrap_complex", b"wrap_raw"}
_COMPACT |= {b"wrap_string", b"wrap_list"}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless walking the items gives exactly these facts."""
    claim = facts.get("claim")
    if claim not in ("load-inert", "data-shaped"):
        _reject("step 5: another claim")
    file = _File(read, size)
    file.begin()
    file.data_only = file.workspace or claim == "data-shaped"
    waiting = 1
    while waiting:
        waiting += file.item() - 1
        file.items += 1
    if file.at != size:
        _reject("step 1: bytes follow the object")
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
        self.big = self.workspace = self.data_only = False
        self.names: list[bytes] = []
        # What a compact vector owes next: 1 its list, 2 its class, 3 a second cell, 4 its package.
        self.compact = 0

    def begin(self) -> None:
        if self.read(0, 2) == b"RD":
            self.workspace = True
            self.take(5)
        form = self.take(2)
        if form not in (b"X\n", b"B\n"):
            _reject("step 1: not a binary form")
        self.big = form == b"X\n"
        version = self.number()
        self.take(8)
        if version == 3:
            self.take(self.number())
        elif version != 2:
            _reject("step 1: another version")

    def item(self) -> int:
        """Reads one item's own bytes and says how many items belong to it."""
        flags = self.number()
        kind, attributes = flags & 0xFF, flags >> 9 & 1
        if self.data_only and kind in _CODE:
            _reject("step 4: code among the values")
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
            self.skip(self.count() * _WIDTHS[kind])
            return attributes
        if kind == 9:
            self.text()
            return attributes
        if kind in (16, 19, 20):
            return self.count() + attributes
        if kind == 4:
            self.names.append(b"")
            self.take(4)
            return 4
        if kind in (22, 23):
            self.names.append(b"")
            return attributes + 2 * (kind == 22)
        if kind == 25:
            return attributes
        if kind in (7, 8):
            self.take(self.number())
            return attributes
        if kind == 238:
            self.compact = 1
            return 3
        if kind == 248:
            return self.package()
        return _reject(f"step 2: an item of type {kind}")

    def package(self) -> int:
        if self.number():
            _reject("step 1: names in names")
        for _ in range(self.number()):
            self.plain_text()
        self.names.append(b"")
        return 0

    def plain_text(self) -> bytes:
        if self.number() & 0x2FF != 9:
            _reject("step 1: a name is no plain text")
        return self.text()

    def text(self) -> bytes:
        length = self.number()
        if length == 0xFFFFFFFF:
            return b"NA"
        if length > 1 << 20:
            self.skip(length)
            return b""
        return self.take(length)

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


def _reject(step: str) -> NoReturn:
    raise Rejected(step)
