"""Finds where a credential or an escape could begin, in one pass over the bytes.

Two ways, which find the same: hyperscan runs all patterns at once at the speed of memory
(`pip install 'probatum[data]'`), and without it each beginning is looked for by itself.
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

from msgspec import Struct

from probatum.credentials.kinds import LONGEST, Kind, kinds
from probatum.credentials.layers import ESCAPES

_TELLING = 3
"""Bytes of a mark that make it rare enough to be looked for by itself."""


_WORTH_IT = 4 << 20
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
    """Looks for each kind by itself, with nothing but the standard library."""

    def __init__(self, of: tuple[Kind, ...]) -> None:
        self._marked: dict[tuple[bytes, bool], list[tuple[int, int]]] = {}
        self._searched: list[tuple[int, re.Pattern[bytes]]] = []
        for number, kind in enumerate(of):
            if min(map(len, kind.begins)) < _TELLING:
                self._searched.append((number, kind.compiled))
                continue
            for one in kind.begins:
                key = (one.lower() if kind.any_case else one, kind.any_case)
                self._marked.setdefault(key, []).append((number, kind.before))
        self._escapes = [re.compile(one) for one in ESCAPES]

    def look(self, data: bytes) -> Seen:
        """At all of `data`: its places are all marks, and matches where the marks are short."""
        lower = data.lower()
        places = {
            (number, start)
            for (mark, any_case), numbers in self._marked.items()
            for at in _each(lower if any_case else data, mark)
            for number, before in numbers
            for start in range(max(0, at - before), at + 1)
        }
        for number, pattern in self._searched:
            found = pattern.search(data)
            while found:
                places.add((number, found.start()))
                found = pattern.search(data, found.start() + 1)
        escapes = (one.start() for pattern in self._escapes for one in pattern.finditer(data))
        return Seen(places, set(escapes))


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
