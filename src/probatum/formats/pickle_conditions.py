"""The conditions that have a name in the language of slots: `data`, `state`, `ndarray-state`, ….

What each holds for stands in docs/reference/effect-summaries.md.
"""

import re
from collections.abc import Callable
from math import prod
from typing import Final

from probatum.formats.pickle_dtypes import DType, from_code, is_shape
from probatum.formats.pickle_values import (
    TEXT,
    Box,
    Instance,
    Name,
    Unknown,
    Value,
    complete_dtype,
    hash_inert,
    is_data,
    is_row,
    is_tree,
    parts,
    type_of,
)

Condition = Callable[[Value], bool]

_VERSION: Final = re.compile(r"[0-9A-Za-z.+_-]{1,40}\Z").match


HOOKS: Final = frozenset(
    {
        *("__setstate__", "__class__", "__dict__", "__reduce__", "__reduce_ex__", "__getstate__"),
        *("__del__", "__new__", "__init__", "__getinitargs__", "append", "extend", "add", "update"),
    }
)
"""Attributes that an unpickler, or a summarised method, looks up on an instance itself."""


def _is_any(value: Value) -> bool:
    return not isinstance(value, Unknown)


def _is_class(value: Value) -> bool:
    return type_of(value) == "class"


def _is_hashables(value: Value) -> bool:
    return type_of(value) in ("list", "tuple", "set", "frozenset") and all(
        map(hash_inert, parts(value))
    )


def _is_pairs(value: Value) -> bool:
    kind = type_of(value)
    if kind == "dict":
        return True
    if kind not in ("list", "tuple") or (isinstance(value, Box) and value.dropped):
        return False
    return all(_is_pair(pair) and hash_inert(next(iter(parts(pair)))) for pair in parts(value))


def _is_pair(value: Value) -> bool:
    """A tuple of two, or (Python 2 wrote ordered dicts so) a list of two."""
    if isinstance(value, Box) and value.type == "list":
        return len(value.items) == value.count == 2 and not value.dropped
    return type(value) is tuple and len(value) == 2


def _is_attributes(value: Value) -> bool:
    if value is None:
        return True
    if type_of(value) != "dict" or value.dropped:
        return False
    return all(key is TEXT or (type(key) is str and key not in HOOKS) for key in value.items[::2])


def _is_state(value: Value) -> bool:
    if type(value) is tuple:
        return len(value) == 2 and _is_attributes(value[0]) and value[1] is None
    return _is_attributes(value)


def _is_slots(value: Value) -> bool:
    return type(value) is tuple and len(value) == 2 and all(map(_is_attributes, value))


def _is_ndarray_state(value: Value) -> bool:
    """Source: numpy `array_setstate` (methods.c): (version, shape, dtype, fortran, raw).

    numpy does not compare a list's length with the shape.
    """
    if type(value) is not tuple or len(value) != 5:
        return False
    version, shape, dtype, fortran, raw = value
    known = complete_dtype(dtype)
    if type(version) is not int or type(fortran) not in (bool, int):
        return False
    if not is_shape(shape) or known is None:
        return False
    if type_of(raw) == "bytes":
        return not known.objects
    if not isinstance(raw, Box) or raw.type != "list" or raw.mixed:
        return False
    if raw.count != prod(shape):
        return False
    return known.plain_object or is_data(raw)


def _is_masked_state(value: Value) -> bool:
    """Source: numpy/ma/core.py `MaskedArray.__setstate__`: a state, then mask and fill value."""
    if type(value) is not tuple or len(value) != 7 or not _is_ndarray_state(value[:5]):
        return False
    return type_of(value[5]) == "bytes" and _is_arrays(value[6])


def _is_arrays(root: Value) -> bool:
    """Data, arrays, dtypes and scalars; what an array was made from is no part of it."""
    waiting, seen = [root], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Instance):
            if not _is_array_part(value):
                return False
        elif isinstance(value, Name | Unknown):
            return False
        elif id(value) not in seen:
            seen.add(id(value))
            waiting.extend(parts(value))
    return True


def _is_array_part(value: Instance) -> bool:
    if value.row.arrays or is_row(value.row, "numpy:generic"):
        return True
    known = value.built and value.dtype is not None and not value.dtype.objects
    return known and (is_row(value.row, "numpy:ndarray") or is_row(value.row, "numpy:dtype"))


def _is_rows(value: Value) -> bool:
    """A whole array of at least one dimension: compiled code reads the first of its lengths."""
    whole = isinstance(value, Instance) and value.built and is_row(value.row, "numpy:ndarray")
    return whole and bool(value.dimensions)


def _is_plain_dtype(known: DType | None) -> bool:
    return known is not None and not known.objects


NAMED: Final[dict[str, Condition]] = {
    "any": _is_any,
    "data": is_data,
    "tree": is_tree,
    "class": _is_class,
    "hashables": _is_hashables,
    "pairs": _is_pairs,
    "state": _is_state,
    "slots": _is_slots,
    "ndarray-state": _is_ndarray_state,
    "masked-state": _is_masked_state,
    "arrays": _is_arrays,
    "rows": _is_rows,
    "number-rows": lambda value: _is_rows(value) and _is_arrays(value),
    "version": lambda value: type(value) is str and _VERSION(value) is not None,
    "dtype": lambda value: complete_dtype(value) is not None,
    "plain-dtype": lambda value: _is_plain_dtype(complete_dtype(value)),
    "dtype-code": lambda value: from_code(value) is not None,
}
