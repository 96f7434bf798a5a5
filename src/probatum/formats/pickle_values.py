"""Abstract values of the pickle prover, and the slots that summaries put on them.

A pickle has no branches and no loops, so the heap is exact: one abstract object stands for one
concrete object, and aliases through the memo are the same abstract object. Short constants stand
for themselves; what is too long to matter is represented by its type alone.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from math import prod
from typing import Any, Final

from probatum.formats.effects import Row
from probatum.formats.effects import row as find_row
from probatum.formats.pickle_dtypes import DType, from_code, is_shape, with_state

KEPT = 256
"""The longest string or byte string (bytes) whose content is kept."""
COMPACT = 4096
"""Elements after which a list stops to remember its scalars one by one."""

Value = Any


class Scalar:
    """A built-in immutable value of known type and unknown content."""

    __slots__ = ("type",)

    def __init__(self, type: str) -> None:
        self.type = type


class Blob(Scalar):
    """Bytes too many to keep, and where they lie in the file."""

    __slots__ = ("length", "offset")

    def __init__(self, offset: int, length: int) -> None:
        super().__init__("bytes")
        self.offset = offset
        self.length = length


TEXT: Final = Scalar("str")
"""A string longer than KEPT: it is no name of anything."""
VAGUE: Final = Scalar("str")
"""A string whose content, perhaps its type, depends on the loader's settings."""
BLOB: Final = Scalar("bytes")
BIG: Final = Scalar("int")
FLOAT: Final = Scalar("float")
COMPLEX: Final = Scalar("complex")
BYTEARRAY: Final = Scalar("bytearray")


class Box:
    """A mutable built-in container (or a frozenset). A dict's items are keys and values in turn.

    `count` is the number of elements ever given to it; `dropped` says that scalars among them were
    forgotten to save memory, `mixed` that a call made it, so that its elements are known only as a
    whole. `given` says that a call or a BUILD had the dict: it may have changed; `frozen` that a
    built object relies on it as it is: it must not change.
    """

    __slots__ = ("count", "dropped", "frozen", "given", "items", "mixed", "type")

    def __init__(self, type: str, items: list[Value]) -> None:
        self.type = type
        self.items = items
        self.count = len(items)
        self.dropped = False
        self.mixed = False
        self.given = False
        self.frozen = False

    def extend(self, items: list[Value]) -> None:
        kept = self.items
        kept += items
        self.count += len(items)
        if len(kept) > COMPACT and self.type != "dict":
            self.items = [item for item in kept if not is_scalar(item)]
            self.dropped = True


class Name:
    """What GLOBAL, INST or STACK_GLOBAL found: `row` is None where no summary knows it."""

    __slots__ = ("name", "offset", "row")

    def __init__(self, name: str, row: Row | None, offset: int) -> None:
        self.name = name
        self.row = row
        self.offset = offset


class Instance:
    """An object made by a summarised call; `parts` is all it was given: arguments, states, items.

    `made` is the offset it was made at, `built` whether BUILD has filled it; `dtype` is the data
    type of a completed numpy dtype or array.
    """

    __slots__ = ("arguments", "built", "dtype", "made", "parts", "row")

    def __init__(self, row: Row, arguments: tuple[Value, ...], made: int) -> None:
        self.row = row
        self.arguments = arguments
        self.parts: list[Value] = list(arguments)
        self.made = made
        self.built = False
        self.dtype: DType | None = None


class Unknown:
    """The result of a step that stayed undecided: it may be anything."""

    __slots__ = ("offset", "parts")

    def __init__(self, offset: int, parts: Iterable[Value] = ()) -> None:
        self.offset = offset
        self.parts = list(parts)


class Partial(Unknown):
    """`functools.partial(function, *arguments)`: unknown, but what it would call is not."""

    __slots__ = ("arguments", "function")

    def __init__(self, offset: int, function: Name, arguments: tuple[Value, ...]) -> None:
        super().__init__(offset, (function, *arguments))
        self.function = function
        self.arguments = arguments


_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes, Scalar, Blob})
_TYPE_NAMES: Final[dict[type, str]] = {
    type(None): "none",
    **{kind: kind.__name__ for kind in (bool, int, float, str, bytes, tuple)},
}
HOOKS: Final = frozenset(
    {
        *("__setstate__", "__class__", "__dict__", "__reduce__", "__reduce_ex__", "__getstate__"),
        *("__del__", "__new__", "__init__", "__getinitargs__", "append", "extend", "add", "update"),
    }
)
"""Attributes that an unpickler, or a summarised method, looks up on an instance itself."""


def is_scalar(value: Value) -> bool:
    return type(value) in _SCALARS


def described(value: Value) -> str:
    """A value in a few words, for a person: constants as they are, the rest by kind."""
    if type(value) is tuple:
        inner = ", ".join(described(item) for item in value[:4])
        return f"({inner}{', …' if len(value) > 4 else ''})"
    if isinstance(value, Name):
        return value.name.replace(":", ".")
    if isinstance(value, Instance):
        return f"<{value.row.name.replace(':', '.')}>"
    if isinstance(value, Unknown | Scalar | Box):
        return f"<{type_of(value)}>"
    said = ascii(value)
    return said if len(said) <= 90 else said[:80] + "…"


def type_of(value: Value) -> str:
    """The built-in type's name, or `instance`, `class`, `function`, `unknown`."""
    if isinstance(value, Scalar | Box):
        kind: str = value.type
        return kind
    if isinstance(value, Instance):
        return "instance"
    if isinstance(value, Name):
        if value.row is None:
            return "unknown"
        return "class" if value.row.is_class else "function"
    return _TYPE_NAMES.get(type(value), "unknown")


def parts(value: Value) -> Iterable[Value]:
    """The values directly inside a value."""
    if type(value) is tuple:
        return value
    if isinstance(value, Box):
        return value.items
    if isinstance(value, Instance | Unknown):
        return value.parts
    return ()


def reachable(root: Value) -> Iterator[Value]:
    """Every value that is no scalar, from `root` on, each once, without recursion."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if type(value) in _SCALARS or id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        waiting.extend(parts(value))


def hash_inert(root: Value) -> bool:
    """Whether `hash()` and `==` of the value run built-in or summarised code only."""
    waiting = [root]
    steps = 0
    while waiting:
        value = waiting.pop()
        steps += 1
        if type(value) in _SCALARS:
            continue
        if type(value) is tuple:
            waiting.extend(value)
        elif isinstance(value, Instance):
            if not value.row.hash:
                return False
        elif isinstance(value, Name):
            if value.row is None:
                return False
        elif isinstance(value, Box):
            if value.type == "frozenset":
                waiting.extend(value.items)
        else:
            return False
        if steps > 100_000:
            return False
    return True


def admits(slots: tuple[str, ...], values: tuple[Value, ...]) -> bool:
    """Whether an argument list fits a signature."""
    at = 0
    for slot in slots:
        if slot.endswith("*"):
            condition = _condition(slot[:-1])
            return all(condition(value) for value in values[at:])
        if slot.endswith("?"):
            if at == len(values):
                continue
            slot = slot[:-1]
        if at == len(values) or not _condition(slot)(values[at]):
            return False
        at += 1
    return at == len(values)


def holds(slot: str, value: Value) -> bool:
    """Whether one value fits one slot."""
    return _condition(slot)(value)


Condition = Callable[[Value], bool]


@cache
def _condition(slot: str) -> Condition:
    options = [_single(option) for option in _split(slot, "|")]
    if len(options) == 1:
        return options[0]
    return lambda value: any(option(value) for option in options)


def _single(slot: str) -> Condition:
    if slot in _NAMED:
        return _NAMED[slot]
    if slot.startswith("="):
        wanted = json.loads(slot[1:])
        wanted = tuple(wanted) if type(wanted) is list else wanted
        return lambda value: type(value) is type(wanted) and value == wanted
    if slot.startswith("class:"):
        name = slot[6:]
        return lambda value: isinstance(value, Name) and _is_row(value.row, name)
    if slot.startswith("("):
        inner = [_condition(part) for part in _split(slot[1:-1], ",")]
        return lambda value: _has_parts(value, inner)
    if slot.startswith("{"):
        entries = dict(part.split("=", 1) for part in _split(slot[1:-1], ","))
        known = {key.rstrip("!"): _condition(inner) for key, inner in entries.items()}
        needed = {key[:-1] for key in entries if key.endswith("!")}
        return lambda value: _has_entries(value, known, needed)
    if slot.startswith("each:"):
        each = _single(slot[5:])
        return lambda value: _is_whole(value) and all(map(each, parts(value)))
    if ":" in slot:
        return lambda value: isinstance(value, Instance) and _is_whole_row(value, slot)
    return lambda value: type_of(value) == slot


def _split(slot: str, separator: str) -> list[str]:
    """The parts of a slot between separators that stand in no bracket."""
    found, depth = [""], 0
    for character in slot:
        depth += (character in "({[") - (character in ")}]")
        if character == separator and not depth:
            found.append("")
        else:
            found[-1] += character
    return found


def _has_parts(value: Value, conditions: list[Condition]) -> bool:
    return (
        type(value) is tuple
        and len(value) == len(conditions)
        and all(holds(part) for holds, part in zip(conditions, value, strict=True))
    )


def _has_entries(value: Value, conditions: dict[str, Condition], needed: set[str]) -> bool:
    """A dict whose keys are all among these, each value as its condition demands."""
    pairs = _items(value)
    if pairs is None or value.given or not needed <= {key for key, _ in pairs if type(key) is str}:
        return False
    return all(
        type(key) is str and key in conditions and conditions[key](item) for key, item in pairs
    )


def give(value: Value) -> None:
    """Say that a call or a BUILD has had this value, and may have changed the dicts in it."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if type(value) is tuple:
            waiting.extend(value)
        elif isinstance(value, Box) and value.type == "dict" and not value.given:
            value.given = True
            waiting.extend(value.items[1::2])


def _is_whole(value: Value) -> bool:
    """A tuple, or a list whose every element is known."""
    known = isinstance(value, Box) and value.type == "list" and not value.dropped
    return known or type(value) is tuple


def _is_row(row: Row | None, name: str) -> bool:
    return row is not None and row is find_row(name)


def _is_whole_row(value: Instance, name: str) -> bool:
    return _is_row(value.row, name) and (value.built or not value.row.whole)


def _is_data(root: Value) -> bool:
    return not any(isinstance(value, Name | Instance | Unknown) for value in reachable(root))


def is_tree(root: Value) -> bool:
    """Data, and instances (or the classes) whose summaries certify them as data."""
    return all(certified(value) for value in reachable(root))


def certified(value: Value) -> bool:
    if isinstance(value, Name):
        return value.row is not None and value.row.is_class and value.row.data
    if isinstance(value, Instance):
        return value.row.data
    return not isinstance(value, Unknown)


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
    return known.plain_object or _is_data(raw)


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
    if value.row.arrays or _is_row(value.row, "numpy:generic"):
        return True
    known = value.built and value.dtype is not None and not value.dtype.objects
    return known and (_is_row(value.row, "numpy:ndarray") or _is_row(value.row, "numpy:dtype"))


def complete_dtype(value: Value) -> DType | None:
    """The data type of a numpy dtype that BUILD has completed."""
    if not isinstance(value, Instance) or not value.built:
        return None
    return value.dtype if _is_row(value.row, "numpy:dtype") else None


def has_attributes(row: Row, state: Value) -> bool:
    """Whether the attributes that a dict state sets hold the slots a summary puts on them."""
    if type(state) is tuple and len(state) == 2:
        state = state[0]
    if type_of(state) != "dict":
        return not any(key.endswith("!") for key in row.attributes)
    others = row.attributes.get("*", "any")
    named = {key for key in state.items[::2] if type(key) is str}
    if not named.issuperset(key[:-1] for key in row.attributes if key.endswith("!")):
        return False
    return all(
        holds(_slot_of(row.attributes, key, others), value)
        for key, value in zip(state.items[::2], state.items[1::2], strict=True)
    )


def relied_on(row: Row, state: Value) -> Iterator[Box]:
    """The dicts in an admitted state that stay in use: what fills them later must not.

    numpy finds the fields of a dtype in the very dict that its state holds.
    """
    held = []
    if row.name == "numpy:dtype":
        held = [state[4]]
    if type(state) is tuple and any("={" in slot for slot in row.build):
        inside = [part for part in state if isinstance(part, Box) and part.type == "dict"]
        held = [value for part in inside for value in part.items[1::2]]
    if type(state) is tuple and len(state) == 2:
        state = state[0]
    if row.attributes and type_of(state) == "dict":
        trusted = {key.rstrip("!") for key, slot in row.attributes.items() if slot[:1] == "{"}
        pairs = zip(state.items[::2], state.items[1::2], strict=True)
        held = [value for key, value in pairs if type(key) is str and key in trusted]
    return (value for value in held if isinstance(value, Box))


def _slot_of(attributes: dict[str, str], key: Value, others: str) -> str:
    if type(key) is not str:
        return others
    return attributes.get(f"{key}!") or attributes.get(key, others)


def dtype_after(instance: Instance, state: Value) -> DType | None:
    """The data type that BUILD makes of a fresh `numpy:dtype` instance, or None if it must not.

    Without the third argument, `copy`, the instance may be the one that all of numpy shares.
    """
    made = from_code(instance.arguments[0]) if len(instance.arguments) == 3 else None
    return None if made is None else with_state(made, state, complete_dtype, _items)


def _is_plain_dtype(known: DType | None) -> bool:
    return known is not None and not known.objects


def _items(value: Value) -> list[tuple[Value, Value]] | None:
    if type_of(value) != "dict" or value.dropped:
        return None
    return list(zip(value.items[::2], value.items[1::2], strict=True))


_NAMED: Final[dict[str, Condition]] = {
    "any": _is_any,
    "data": _is_data,
    "tree": is_tree,
    "class": _is_class,
    "hashables": _is_hashables,
    "pairs": _is_pairs,
    "state": _is_state,
    "slots": _is_slots,
    "ndarray-state": _is_ndarray_state,
    "masked-state": _is_masked_state,
    "arrays": _is_arrays,
    "dtype": lambda value: complete_dtype(value) is not None,
    "plain-dtype": lambda value: _is_plain_dtype(complete_dtype(value)),
    "dtype-code": lambda value: from_code(value) is not None,
}
