"""Finds where a credential or an escape could begin, in one pass over the bytes.

Two ways, which find the same: hyperscan runs all patterns at once at the speed of memory
(`pip install 'probatum[data]'`), and without it the standard library looks for their marks.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any, Protocol

from msgspec import Struct

from probatum.credentials.kinds import LONGEST, Kind, kinds
from probatum.credentials.layers import ESCAPES

_TELLING = 3
"""Bytes of a mark that make it rare enough to be looked for by itself."""

_WORTH_A_PASS = 256 << 10
"""Bytes that take as long to look at mark by mark as it takes to prepare for one pass."""

_WORTH_IT = 16 << 20
"""Bytes that take as long to look at without an automaton as it takes to build one."""


class Seen(Struct, frozen=True):
    """`places`: the number of a kind, and an offset at which a match of it may begin; a few too
    many, none too few. `escapes`: the offsets at which an escape begins.
    """

    places: set[tuple[int, int]]
    escapes: set[int]


class Engine(Protocol):
    """One way to look."""

    def look(self, data: bytes) -> Seen:
        """At all of `data`."""
        ...


class Plain:
    """Looks for marks by the standard library, and for kinds without a telling mark by themselves.

    Mark by mark at first, and in one pass once that takes longer than to prepare for it.
    """

    def __init__(self, of: tuple[Kind, ...]) -> None:
        self._searched: list[tuple[int, re.Pattern[bytes]]] = []
        self._marked: dict[bytes, list[_Marked]] = {}
        for number, kind in enumerate(of):
            if min(map(len, kind.begins)) < _TELLING:
                self._searched.append((number, kind.compiled))
                continue
            for mark in kind.begins:
                one = mark.lower() if kind.any_case else mark
                told = _Marked(number, kind.before, one, kind.any_case)
                self._marked.setdefault(mark.lower(), []).append(told)
        self._escapes = [re.compile(one) for one in ESCAPES]
        self._left = _WORTH_A_PASS

    def look(self, data: bytes) -> Seen:
        """At all of `data`: its places are all marks, and matches where the marks are short."""
        lower = data.lower()
        places: set[tuple[int, int]] = set()
        self._left -= len(data)
        for at, marked in self._one_by_one(lower) if self._left > 0 else self._in_one_pass(lower):
            for one in marked:
                if (lower if one.any_case else data).startswith(one.mark, at):
                    starts = range(max(0, at - one.before), at + 1)
                    places.update((one.kind, start) for start in starts)
        for number, pattern in self._searched:
            match = pattern.search(data)
            while match:
                places.add((number, match.start()))
                match = pattern.search(data, match.start() + 1)
        escapes = (one.start() for pattern in self._escapes for one in pattern.finditer(data))
        return Seen(places, set(escapes))

    def _one_by_one(self, lower: bytes) -> "Iterator[tuple[int, list[_Marked]]]":
        for mark, marked in self._marked.items():
            for at in _each(lower, mark):
                yield at, marked

    def _in_one_pass(self, lower: bytes) -> "Iterator[tuple[int, list[_Marked]]]":
        pattern, behind = self._pass
        for found in pattern.finditer(lower):
            yield found.start(), behind[found[1]]

    @cached_property
    def _pass(self) -> "tuple[re.Pattern[bytes], dict[bytes, list[_Marked]]]":
        """What finds the shortest mark at a place, and the marks that may stand there with it."""
        behind = {
            short: [
                one for mark, each in self._marked.items() if mark.startswith(short) for one in each
            ]
            for short in self._marked
        }
        return re.compile(b"(?=(" + _one_of(set(self._marked)) + b"))"), behind


class _Marked(Struct, frozen=True):
    """A mark of a kind, and how far before it a match may begin."""

    kind: int
    before: int
    mark: bytes
    any_case: bool


def _one_of(words: set[bytes]) -> bytes:
    """A pattern of the shortest of the words that begins at a place, branching by characters."""
    if b"" in words:
        return b""
    firsts = sorted({one[:1] for one in words})
    branches = (
        re.escape(first) + _one_of({one[1:] for one in words if one[:1] == first})
        for first in firsts
    )
    return b"(?:" + b"|".join(branches) + b")"


class Hyperscan:
    """Runs all patterns at once, and looks before the end of what it finds for the beginning."""

    def __init__(self, of: tuple[Kind, ...]) -> None:
        import hyperscan

        self._kinds = of
        expressions = [*(one.roughly.encode() for one in of), *ESCAPES]
        caseless = [hyperscan.HS_FLAG_CASELESS if one.any_case else 0 for one in of]
        self._database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=expressions,
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[*caseless, *(0 for _ in ESCAPES)],
        )

    def look(self, data: bytes) -> Seen:
        """At all of `data`: its places are beginnings before a match's end."""
        ends: list[tuple[int, int]] = []

        def seen(number: int, _from: int, to: int, _flags: int, _context: object) -> None:
            ends.append((number, to))

        self._database.scan(data, match_event_handler=seen)
        places: set[tuple[int, int]] = set()
        escapes: set[int] = set()
        for number, to in ends:
            if number < len(self._kinds):
                places.update((number, at) for at in _beginnings(data, self._kinds[number], to))
            else:
                escapes.add(
                    max(data.rfind(one, max(0, to - 10), to) for one in (b"%", b"\\", b"&"))
                )
        return Seen(places, escapes)


class Thrifty:
    """Plain until it has taken about as long as building the automaton does, then hyperscan."""

    def __init__(self, of: tuple[Kind, ...]) -> None:
        self._kinds = of
        self._by: Engine = Plain(of)
        self._left = _WORTH_IT if find_spec("hyperscan") else sys.maxsize

    def look(self, data: bytes) -> Seen:
        """At all of `data`, in the way that is cheaper by now."""
        if 0 <= self._left < len(data):
            self._by = Hyperscan(self._kinds)
        self._left -= len(data)
        return self._by.look(data)


@cache
def engine() -> Engine:
    """The one that a process uses."""
    return Thrifty(kinds())


def _beginnings(data: bytes, kind: Kind, to: int) -> Iterator[int]:
    start = max(0, to - LONGEST - 2)
    region = data[start:to].lower() if kind.any_case else data[start:to]
    for begin in kind.begins:
        for at in _each(region, begin.lower() if kind.any_case else begin):
            yield from range(max(0, start + at - kind.before), start + at + 1)


def _each(data: bytes, one: bytes) -> Iterator[int]:
    at = data.find(one)
    while at >= 0:
        yield at
        at = data.find(one, at + 1)
