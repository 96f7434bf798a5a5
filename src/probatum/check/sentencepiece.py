"""Re-derives that a SentencePiece model is a vocabulary, options, and nothing else.

facts = {"size": bytes, "sha256": hex of the file, "pieces": how many}

1. The file is one message of the fields 1 to 5, all of bytes; all but the pieces stand once.
2. Each piece is a text, a score and a type from 1 to 6, each at most once; a normaliser has the
   fields 1 to 6 alone. Source: sentencepiece_model.proto of sentencepiece 0.2.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from probatum.errors import Rejected

CLAIM = "load-inert"
_MOST = 256 << 20


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raise Rejected unless the file is a vocabulary of so many pieces."""
    named = isinstance(facts, dict) and set(facts) == {"size", "sha256", "pieces"}
    _demand(named, "the facts' names")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(len(data) == size, "the file is shorter")
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    pieces, once = 0, set()
    for field, wire, start, end in _fields(data, 0, size):
        _demand(wire == 2 and 1 <= field <= 5, f"step 1: a field {field}")
        if field == 1:
            _piece(data, start, end)
            pieces += 1
            continue
        _demand(field not in once, "step 1: a field twice")
        once.add(field)
        if field in (3, 5):
            kinds = [(number, kind) for number, kind, _, _ in _fields(data, start, end)]
            known = {(1, 2), (2, 2), (3, 0), (4, 0), (5, 0), (6, 2)}
            _demand(len(set(kinds)) == len(kinds) and set(kinds) <= known, "step 2: a normaliser")
    _demand(type(facts["pieces"]) is int and facts["pieces"] == pieces, "other pieces")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _piece(data: bytes, start: int, end: int) -> None:
    seen = {}
    for field, wire, begin, stop in _fields(data, start, end):
        _demand((field, wire) in ((1, 2), (2, 5), (3, 0)), "step 2: a piece with another field")
        _demand(field not in seen, "step 2: a field twice")
        seen[field] = (begin, stop)
    begin, stop = seen.get(1, (0, 0))
    try:
        _demand(data[begin:stop].decode(), "step 2: a piece of no text")
    except UnicodeDecodeError as exc:
        raise Rejected("step 2: a piece that is no text") from exc
    _demand(1 <= seen.get(3, (1, 0))[0] <= 6, "step 2: a piece of another type")


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Field, wire type, and a number with 0 or where the bytes begin and end."""
    while at < end:
        tag, at = _number(data, at, end)
        wire = tag & 7
        if wire == 0:
            value, at = _number(data, at, end)
            yield tag >> 3, wire, value, 0
            continue
        _demand(wire in (1, 2, 5), "step 1: a wire type that is none")
        length = {1: 8, 5: 4}.get(wire, 0)
        if wire == 2:
            length, at = _number(data, at, end)
        _demand(at + length <= end, "step 1: a field passes its message")
        yield tag >> 3, wire, at, at + length
        at += length


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        _demand(at < end, "step 1: a number is cut short")
        byte, at = data[at], at + 1
        value |= (byte & 127) << 7 * place
        if byte < 128:
            _demand(value < 1 << 64, "step 1: a number of more than 64 bits")
            return value, at
    raise Rejected("step 1: a number of more than ten bytes")
