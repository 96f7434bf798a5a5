"""Which numpy dtypes a pickle may build without lying to numpy about memory.

`dtype.__setstate__` believes the flags, sizes and offsets it is given: an object dtype whose
"holds references" flag is cleared makes numpy read raw bytes of the file as object pointers. So
a state is admitted only if it says what numpy itself would have written for that type.
Source: numpy `arraydescr_reduce`, `arraydescr_setstate` (descriptor.c), `array_setstate` and
`array_reduce` (methods.c), read in 1.26 and 2.x.
"""

import re
from itertools import pairwise
from math import prod
from typing import Any, Final, TypeGuard

from msgspec import Struct


class DType(Struct, frozen=True):
    """A data type: bytes an element takes, and whether elements hold Python references."""

    itemsize: int
    objects: bool
    plain_object: bool = False
    bare: bool = False
    orders: tuple[str, ...] = ("<", ">", "=", "|")


_CODE: Final = re.compile(
    r"[<>|=]?(?:(?P<fixed>b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[mM]8)"
    r"|(?P<object>O[48]?)|(?P<sized>[SUV])(?P<length>[0-9]{1,9}))\Z"
).match
_HARMLESS: Final = frozenset({16, 24, 144, 152})
_STRUCT_WITH_OBJECTS: Final = frozenset({27, 155})


def from_code(code: Any) -> DType | None:
    """The dtype that `numpy.dtype(code, …)` makes, for codes as numpy's own pickles write them."""
    found = _CODE(code) if type(code) is str else None
    if not found:
        return None
    if found["object"]:
        return DType(8, objects=True, plain_object=True, orders=("|",))
    if found["sized"] == "U":
        return DType(4 * int(found["length"]), objects=False, bare=True)
    if found["sized"]:
        return DType(int(found["length"]), objects=False, bare=True, orders=("|",))
    return DType(int(found["fixed"][1:]), objects=False)


def with_state(made: DType, state: Any, field_type: Any, items: Any) -> DType | None:
    """The dtype after `__setstate__(state)`, or None where numpy would not have written that.

    `field_type(value)` gives the DType of an abstract dtype instance that is complete (or None);
    `items(value)` the key and value pairs of an abstract dict (or None).
    """
    if type(state) is not tuple or len(state) not in (8, 9) or state[0] not in (3, 4):
        return None
    _, order, subtype, names, fields, size, align, flags = state[:8]
    if order not in made.orders or not all(type(n) is int for n in (size, align, flags)):
        return None
    if len(state) == 9 and not _is_unit(state[8], items):
        return None
    if not made.bare:
        fits = subtype is names is fields is None and size == align == -1
        return made if fits and flags == (63 if made.objects else 0) else None
    if not (0 <= size < 2**31 and align in (1, 2, 4, 8, 16, 32)):
        return None
    if names is not None:
        return _structure(names, items(fields), size, flags, field_type)
    if fields is not None:
        return None
    if subtype is not None:
        return _subarray(subtype, size, flags, field_type)
    return made if size == made.itemsize and flags in (0, 8) else None


def _structure(names: Any, pairs: Any, size: int, flags: int, field_type: Any) -> DType | None:
    if type(names) is not tuple or pairs is None or len(pairs) < len(names):
        return None
    objects = False
    for key, entry in pairs:
        if type(key) is not str or type(entry) is not tuple or len(entry) not in (2, 3):
            return None
        inner = field_type(entry[0])
        if inner is None or type(entry[1]) is not int or entry[1] < 0:
            return None
        if entry[1] + inner.itemsize > size or (len(entry) == 3 and type(entry[2]) is not str):
            return None
        objects |= inner.objects
    keys = {key for key, _ in pairs}
    if len(keys) < len(pairs) or not all(type(name) is str and name in keys for name in names):
        return None
    if objects and _overlap(pairs, field_type):
        return None
    if flags not in (_STRUCT_WITH_OBJECTS if objects else _HARMLESS):
        return None
    return DType(size, objects)


def _overlap(pairs: Any, field_type: Any) -> bool:
    """Whether two fields share bytes: a number could then be written where a reference lies.

    A field with a title stands in the dict twice, as the same tuple.
    """
    entries = {id(entry): entry for _, entry in pairs}.values()
    spans = sorted((entry[1], entry[1] + field_type(entry[0]).itemsize) for entry in entries)
    return any(start < end for (_, end), (start, _) in pairwise(spans))


def _subarray(subtype: Any, size: int, flags: int, field_type: Any) -> DType | None:
    if type(subtype) is not tuple or len(subtype) != 2:
        return None
    inner, shape = field_type(subtype[0]), subtype[1]
    lengths = shape if type(shape) is tuple else (shape,)
    if inner is None or inner.objects or not is_shape(lengths):
        return None
    fits = inner.itemsize * prod(lengths) == size and flags in (0, 8)
    return DType(size, objects=False) if fits else None


def _is_unit(metadata: Any, items: Any) -> bool:
    """(None or {}, (unit, numerator, denominator, event)): what datetime types carry."""
    if type(metadata) is not tuple or len(metadata) != 2:
        return False
    mapping, unit = metadata
    if mapping is not None and items(mapping) != []:
        return False
    return type(unit) is tuple and len(unit) == 4 and all(type(n) is int for n in unit[1:])


def is_shape(value: Any) -> TypeGuard[tuple[int, ...]]:
    """A tuple of non-negative integers."""
    return type(value) is tuple and all(type(n) is int and n >= 0 for n in value)
