"""Finds the credentials that stand in bytes, as they are and under layers of encoding."""

import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from functools import cache
from operator import attrgetter

from msgspec import Struct

from probatum.credentials.kinds import LONGEST, Kind, kinds
from probatum.credentials.layers import DEEPEST, layers
from probatum.credentials.places import Engine, Seen, engine
from probatum.credentials.sums import agrees

_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


class Found(Struct, frozen=True):
    """A value that looks like a credential: its kind, and the bytes [start, end) that say it.

    `under` are the encodings that hide it, the outermost first; then the bytes are those of the
    outermost layer, and not of the value alone. `broken` where its checksum or structure does not
    agree with the rest of it.
    """

    kind: Kind
    start: int
    end: int
    value: bytes
    under: tuple[str, ...] = ()
    broken: bool = False


def credentials(data: bytes, by: Engine | None = None) -> list[Found]:
    """All that stand in `data`, by where they start."""
    return sorted(_deep(data, by or engine(), 0), key=lambda one: (one.start, one.end))


def _deep(data: bytes, by: Engine, depth: int) -> Iterator[Found]:
    seen = by.look(data)
    yield from _apart(_here(data, seen))
    if depth == DEEPEST:
        return
    for layer in layers(data, seen.escapes):
        for one in _deep(layer.data, by, depth + 1):
            under = (layer.encoding, *one.under)
            yield Found(one.kind, layer.start, layer.end, one.value, under, one.broken)


def _apart(each: Iterator[Found]) -> list[Found]:
    """Of those that overlap the whole before the broken, the first, the longest, the first kind."""
    kept: list[Found] = []
    for one in sorted(each, key=lambda one: (one.broken, one.start, -one.end)):
        at = bisect_left(kept, one.start, key=attrgetter("start"))
        before, behind = kept[at - 1 : at] if at else [], kept[at : at + 1]
        if not any(one.start < other.end and other.start < one.end for other in (*before, *behind)):
            kept.insert(at, one)
    return kept


def _here(data: bytes, seen: Seen) -> Iterator[Found]:
    for number, at in sorted(seen.places):
        kind, pattern = _compiled(number)
        match = pattern.match(data, at, at + LONGEST) if _may_begin(data, at) else None
        if match is None:
            continue
        start, end = match.span(1) if pattern.groups else match.span()
        value = data[start:end]
        if _entropy(value) < kind.bits or value.decode("latin-1") in kind.but:
            continue
        broken = bool(kind.sum) and not agrees(kind.sum, value)
        yield Found(kind, start, end, value, (), broken)


def _may_begin(data: bytes, at: int) -> bool:
    """No letter or digit stands before, unless it is that of an escape such as `\\n`."""
    if not at or data[at - 1] not in _LETTERS:
        return True
    return at > 1 and data[at - 2] == 0x5C and data[at - 1] in b"nrt"


def _entropy(value: bytes) -> float:
    """Shannon's, in bits a character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


@cache
def _compiled(number: int) -> tuple[Kind, re.Pattern[bytes]]:
    kind = kinds()[number]
    return kind, kind.compiled
