"""Where an OpenVINO model says that its constants lie in the file of weights beside it.

Sources: "Model Format" and "Element types" in OpenVINO's documentation; `ir_deserializer.cpp`,
which reads `offset` and `size` of a constant's `data` and compares `size` with shape and type.
"""

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.xml import Element, parts
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

# Bits of one element; several of fewer than eight share a byte.
_BITS = {
    **dict.fromkeys(("f64", "i64", "u64"), 64),
    **dict.fromkeys(("f32", "i32", "u32"), 32),
    **dict.fromkeys(("f16", "bf16", "i16", "u16"), 16),
    **dict.fromkeys(("i8", "u8", "boolean", "f8e4m3", "f8e5m2", "f8e8m0"), 8),
    **dict.fromkeys(("i4", "u4", "nf4", "f4e2m1"), 4),
    "u1": 1,
}
_WHOLE = re.compile(r"[0-9]{1,18}")
_SHAPE = re.compile(r"(?:[0-9]{1,15}(?:, ?[0-9]{1,15}){0,63})?")


class Constant(Struct, frozen=True, order=True):
    """Bytes [start, end) of the weights, and where the document says so."""

    start: int
    end: int
    line: int


class Wrong(Exception):
    """A constant that cannot be where it is said to be."""

    def __init__(self, says: str, place: Place) -> None:
        super().__init__(says)
        self.says, self.place = says, place


def constants(material: Material) -> tuple[Constant, ...]:
    """Every constant, in the order of the bytes that it lies in.

    Raises: Wrong; FormatError for types and shapes that are not known, and as `xml.parts` does.
    """
    found, layer = [], ""
    for part in parts(material):
        if not isinstance(part, Element):
            continue
        if part.name == "layer":
            layer = part.attributes.get("type", "")
        # Whatever layer it is of: one that holds others can come between a constant and its data.
        if part.name == "data" and {"offset", "size"} <= set(part.attributes):
            found.append(_constant(part, layer))
    return tuple(sorted(found))


def overlapping(found: tuple[Constant, ...]) -> Constant | None:
    """A constant that begins inside another one. One that is both begins and ends with it."""
    reach = found[0] if found else None
    for one, other in pairwise(found):
        same = (one.start, one.end) == (other.start, other.end)
        reach = one if reach is None or one.end > reach.end else reach
        if other.start < reach.end and other.end > other.start and not same:
            return other
    return None


def _constant(data: Element, layer: str) -> Constant:
    said = data.attributes
    if layer != "Const":
        detail = f"a layer of type {layer[:80]!r} has an offset and a size"
        raise FormatError(Reason.UNSUPPORTED, detail, data.place)
    if not _WHOLE.fullmatch(said.get("offset", "")) or not _WHOLE.fullmatch(said.get("size", "")):
        raise Wrong("a constant has no plain offset and size", data.place)
    type, shape = said.get("element_type", ""), said.get("shape", "")
    if type not in _BITS or not _SHAPE.fullmatch(shape):
        detail = f"a constant of type {type[:40]!r} and shape {shape[:80]!r}"
        raise FormatError(Reason.UNSUPPORTED, detail, data.place)
    elements = math.prod(int(one) for one in _dimensions(shape))
    start, size = int(said["offset"]), int(said["size"])
    due = (elements * _BITS[type] + 7) // 8
    if size != due:
        says = f"a constant of type {type} and shape [{shape}] has {size} bytes and not {due}"
        raise Wrong(says, data.place)
    return Constant(start, start + size, data.place.line or 0)


def _dimensions(shape: str) -> Iterator[str]:
    return (one for one in shape.replace(" ", "").split(",") if one)
