"""Re-derives that a file is one ONNX tensor, holding just the elements that it says.

facts = {"size": bytes, "type": ONNX's number of the data type, "elements": how many,
         "skeleton": sha256 of the hex digests of what stands before and behind the raw data}

1. The file is one message: known fields, each of its wire type, none twice but dimensions and
   numbers; no segment, nothing in another file.
2. The elements stand in one place, and are as many as the dimensions come to.
Both `header-sound` and `load-inert` rest on these. Source: onnx-ml.proto of onnx 1.23.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from probatum.errors import Rejected

CLAIMS = ("header-sound", "load-inert")
Read = Callable[[int, int], bytes]
_TEXT = 8
_BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64}
_BITS |= {14: 64, 15: 128, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8}
_BITS |= {25: 2, 26: 2}
# Field of numbers: the width of one, and which types may stand there.
_FOUR, _EIGHT = {4: {1, 14}}, {10: {11, 15}}
_VARINTS = {
    5: {2, 3, 4, 5, 6, 9, 10, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26},
    7: {7},
    11: {12, 13},
}
_MOST = 1 << 62


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raise Rejected unless the file is the tensor that `facts` describe."""
    kind, dimensions, raw = 0, list[int](), None
    held: dict[int, int] = {}
    once: set[int] = set()
    for number, wire, value, end in _fields(read, size):
        if number not in (1, 4, 5, 6, 7, 10, 11, 16):
            _demand(number not in once, "step 1: a field twice")
            once.add(number)
        if number == 1:
            dimensions += [value] if wire == 0 else list(_numbers(read, value, end))
        elif number in (2, 14):
            _demand(wire == 0 and (number == 2 or value == 0), "step 1: it lies elsewhere")
            kind = value if number == 2 else kind
        elif number == 9:
            _demand(wire == 2, "step 1: raw data of another wire type")
            raw = (value, end)
        elif number in (8, 12, 16):
            _demand(wire == 2, "step 1: a field of another wire type")
        else:
            held[number] = held.get(number, 0) + _count(read, number, wire, value, end)
    elements = 1
    for one in dimensions:
        elements *= one
        _demand(one <= _MOST and elements <= _MOST, "step 2: the shape overflows")
    _placed(kind, elements, raw, {number: count for number, count in held.items() if count})
    skeleton = _skeleton(read, size, raw or (size, size))
    derived = {"size": size, "type": kind, "elements": elements, "skeleton": skeleton}
    # Compared as text: True is not 1, and 1.0 is not 1.
    same = json.dumps(facts, sort_keys=True, default=repr) == json.dumps(derived, sort_keys=True)
    _demand(same, "the facts are not those of these bytes")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _placed(kind: int, elements: int, raw: tuple[int, int] | None, held: dict[int, int]) -> None:
    _demand(kind in _BITS or kind == _TEXT, f"step 2: the data type {kind}")
    _demand(len(held) + (raw is not None) <= 1, "step 2: elements in two places")
    if raw is not None:
        _demand(kind != _TEXT, "step 2: text among raw data")
        due = -(-elements * _BITS[kind] // 8)
        _demand(raw[1] - raw[0] == due, "step 2: raw data of another size than the shape's")
    elif not held:
        _demand(elements == 0, "step 2: elements, and no data")
    else:
        ((field, count),) = held.items()
        types = ({6: {_TEXT}} | _FOUR | _EIGHT | _VARINTS)[field]
        _demand(kind in types, "step 2: a type in another's field")
        due = 2 * elements if kind in (14, 15) else elements
        due = -(-elements // 2) if kind in (21, 22, 23) else due
        due = -(-elements // 4) if kind in (25, 26) else due
        _demand(count == due, "step 2: more or fewer numbers than the shape's")


def _count(read: Read, number: int, wire: int, start: int, end: int) -> int:
    """How many numbers this field holds: one, or those packed in it."""
    if number == 6:
        _demand(wire == 2, "step 1: a text of another wire type")
        return 1
    width = 4 if number in _FOUR else 8 if number in _EIGHT else 0
    _demand(number in _VARINTS or width, f"step 1: a field {number}")
    if wire != 2:
        _demand(wire == {4: 5, 8: 1, 0: 0}[width], "step 1: a number of another wire type")
        return 1
    if not width:
        return sum(1 for _ in _numbers(read, start, end))
    _demand((end - start) % width == 0, "step 1: a packed list ends inside a number")
    return (end - start) // width


def _fields(read: Read, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Field, wire type, and a number with 0 or where the bytes begin and end."""
    at = 0
    while at < size:
        tag, at = _number(read, at, size)
        wire = tag & 7
        if wire == 0:
            value, at = _number(read, at, size)
            yield tag >> 3, wire, value, 0
            continue
        _demand(wire in (1, 2, 5), "step 1: a wire type that is none")
        length = {1: 8, 5: 4}.get(wire, 0)
        if wire == 2:
            length, at = _number(read, at, size)
        _demand(at + length <= size, "step 1: a field passes the end")
        yield tag >> 3, wire, at, at + length
        at += length


def _number(read: Read, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(read(at, min(10, end - at))):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            _demand(value < 1 << 64, "step 1: a number of more than 64 bits")
            return value, at + place + 1
    raise Rejected("step 1: a number is cut short")


def _numbers(read: Read, start: int, end: int) -> Iterator[int]:
    value = shift = 0
    for at in range(start, end, 1 << 16):
        for byte in read(at, min(1 << 16, end - at)):
            value |= (byte & 127) << shift
            shift += 7
            _demand(shift <= 70, "step 1: a number of more than ten bytes")
            if byte < 128:
                yield value
                value = shift = 0
    _demand(shift == 0, "step 1: a number is cut short")


def _skeleton(read: Read, size: int, raw: tuple[int, int]) -> str:
    whole = hashlib.sha256()
    for start, end in ((0, raw[0]), (raw[1], size)):
        part = hashlib.sha256()
        for at in range(start, end, 1 << 20):
            part.update(read(at, min(1 << 20, end - at)))
        whole.update(part.hexdigest().encode())
    return whole.hexdigest()
