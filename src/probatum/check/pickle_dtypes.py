"""numpy's dtypes and arrays as a pickle makes them.

A dtype is (bytes of an element, holds references, is plain object). numpy believes the state it is
given, so only what numpy itself writes for a type is admitted (descriptor.c).
"""

import re
from math import prod
from typing import Any

from probatum.check.pickle_summaries import summary
from probatum.check.pickle_values import DictOf, Made, Named, Opaque, plain, type_of

_CODE = re.compile(
    r"[<>|=]?(b1|[iu][1248]|f(?:[248]|12|16)|c(?:8|16|24|32)|[mM]8|O[48]?|[SUV]\d{1,9})"
)


def of_code(code: Any) -> tuple[int, bool, bool] | None:
    found = _CODE.fullmatch(code) if type(code) is str and code.isascii() else None
    if not found:
        return None
    letter, count = found[1][0], found[1][1:]
    if letter == "O":
        return 8, True, True
    return int(count) * (4 if letter == "U" else 1), False, False


def complete(value: Any) -> tuple[int, bool, bool] | None:
    if not isinstance(value, Made) or not value.built:
        return None
    return value.dtype if value.row is summary("numpy:dtype") else None


def dtype_of(fresh: Made, state: Any) -> tuple[int, bool, bool] | None:
    """The type that `__setstate__(state)` makes of a fresh dtype, or None."""
    # Without the third argument, copy, it may be the instance that all of numpy shares.
    code = str(fresh.arguments[0]) if len(fresh.arguments) == 3 else ""
    made = of_code(code)
    if made is None or type(state) is not tuple or len(state) not in (8, 9):
        return None
    version, order, base, names, fields, size, align, flags = state[:8]
    if version not in (3, 4) or order not in ("<", ">", "|", "="):
        return None
    if order != "|" and code.lstrip("<>|=")[0] in "OSV":
        return None
    if {type(size), type(align), type(flags)} != {int} or (len(state) == 9 and not _unit(state[8])):
        return None
    if code.lstrip("<>|=")[0] not in "SUV":
        wanted = 63 if made[1] else 0
        empty = base is None and names is None and fields is None
        return made if empty and (size, align, flags) == (-1, -1, wanted) else None
    if not 0 <= size < 1 << 31 or align not in (1, 2, 4, 8, 16, 32):
        return None
    if names is not None:
        return _structure(names, fields, size, flags)
    if fields is not None:
        return None
    if base is not None:
        return _subarray(base, size, flags)
    return made if size == made[0] and flags in (0, 8) else None


def _structure(names: Any, fields: Any, size: int, flags: int) -> tuple[int, bool, bool] | None:
    if type(names) is not tuple or type(fields) is not DictOf:
        return None
    listed = dict.fromkeys(key for key in fields[::2] if type(key) is str)
    if len(listed) != len(fields) // 2 or not all(type(n) is str and n in listed for n in names):
        return None
    references = False
    taken: dict[int, tuple[int, int]] = {}  # a title is a second key of the same tuple
    for entry in fields[1::2]:
        if type(entry) is not tuple or not 2 <= len(entry) <= 3:
            return None
        inner, offset, title = (*entry, "")[:3]
        known = complete(inner)
        if known is None or type(offset) is not int or type(title) is not str:
            return None
        if not 0 <= offset <= size - known[0]:
            return None
        references = references or known[1]
        taken[id(entry)] = offset, offset + known[0]
    ends = 0
    for start, end in sorted(taken.values()):
        if references and start < ends:
            return None  # a number could be written over a reference
        ends = max(ends, end)
    fields.relied_on = True  # numpy keeps this very dict
    allowed = (27, 155) if references else (16, 24, 144, 152)
    return (size, references, False) if flags in allowed else None


def _subarray(base: Any, size: int, flags: int) -> tuple[int, bool, bool] | None:
    if type(base) is not tuple or len(base) != 2:
        return None
    inner = complete(base[0])
    shape = base[1] if type(base[1]) is tuple else (base[1],)
    if inner is None or inner[1] or not lengths(shape) or flags not in (0, 8):
        return None
    return (size, False, False) if inner[0] * prod(shape) == size else None


def _unit(metadata: Any) -> bool:
    if type(metadata) is not tuple or len(metadata) != 2 or type(metadata[1]) is not tuple:
        return False
    nothing = metadata[0] is None or (type(metadata[0]) is DictOf and not metadata[0])
    return nothing and len(metadata[1]) == 4 and all(type(n) is int for n in metadata[1][1:])


def array_state(value: Any) -> bool:
    """numpy array_setstate: (version, shape, dtype, fortran, bytes, or a list as long as shape)."""
    if type(value) is not tuple or len(value) != 5 or type(value[0]) is not int:
        return False
    dtype = complete(value[2])
    if dtype is None or not lengths(value[1]) or type_of(value[3]) not in ("bool", "int"):
        return False
    if type_of(value[4]) == "bytes":
        return not dtype[1]
    if type(value[4]) is not list or len(value[4]) != prod(value[1]):
        return False
    return dtype[2] or plain(value[4])


def masked_state(value: Any) -> bool:
    """numpy.ma MaskedArray.__setstate__: an array's state, then mask bytes and a fill value."""
    if type(value) is not tuple or len(value) != 7:
        return False
    return array_state(value[:5]) and type_of(value[5]) == "bytes" and arrays(value[6])


def arrays(root: Any) -> bool:
    """Data, whole arrays without references, dtypes, scalars; how one was made is no part of it."""
    seen, waiting = set(), [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Named | Opaque):
            return False
        if isinstance(value, Made):
            if not value.row.get("arrays") and value.row is not summary("numpy:generic"):
                if value.row not in (summary("numpy:ndarray"), summary("numpy:dtype")):
                    return False
                if not value.built or value.dtype is None or value.dtype[1]:
                    return False
        elif isinstance(value, (list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value)
    return True


def has_rows(value: Any) -> bool:
    """A whole numpy array of at least one dimension."""
    is_array = isinstance(value, Made) and value.row is summary("numpy:ndarray")
    return is_array and bool(value.built and value.dimensions)


def dimensions(shape: Any) -> int:
    """Of an array reshaped so; 0 also where it is not known."""
    if type(shape) is int:
        return 1
    return len(shape) if type(shape) is tuple else 0


def lengths(value: Any) -> bool:
    return type(value) is tuple and all(type(length) is int and length >= 0 for length in value)
