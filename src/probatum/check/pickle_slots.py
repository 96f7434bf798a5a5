"""Whether what is given to a summarised thing fits a slot of its row."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from probatum.check.pickle_dtypes import (
    array_state,
    arrays,
    complete,
    dimensions,
    has_rows,
    masked_state,
    of_code,
)
from probatum.check.pickle_summaries import summary
from probatum.check.pickle_values import (
    LONG_TEXT,
    DictOf,
    Made,
    Named,
    Opaque,
    all_certified,
    hashable,
    plain,
    type_of,
)


def fits_any(signatures: Any, values: tuple[Any, ...]) -> bool:
    """Whether an argument list fits one of a row's signatures."""
    return any(_fits_all(signature, values) for signature in signatures or ())


def _fits_all(slots: list[str], values: tuple[Any, ...]) -> bool:
    for index, slot in enumerate(slots):
        if slot[-1] == "*":
            return all(fits(slot[:-1], value) for value in values[index:])
        if slot[-1] == "?":
            slot = slot[:-1]
            if index >= len(values):
                continue
        if index >= len(values) or not fits(slot, values[index]):
            return False
    return len(values) <= len(slots)


def fits(slot: str, value: Any) -> bool:
    """Whether a value fits a slot."""
    return _alternatives(slot)(value)


@cache
def _alternatives(slot: str) -> Callable[[Any], bool]:
    conditions = [_condition(part) for part in _parted(slot, "|")]
    if len(conditions) == 1:
        return conditions[0]
    return lambda value: any(condition(value) for condition in conditions)


def _parted(slot: str, separator: str) -> list[str]:
    """The pieces between separators outside of brackets."""
    pieces, start, depth = [], 0, 0
    for at, character in enumerate(slot):
        if character in "({[":
            depth += 1
        elif character in ")}]":
            depth -= 1
        elif character == separator and depth == 0:
            pieces.append(slot[start:at])
            start = at + 1
    return [*pieces, slot[start:]]


def _condition(slot: str) -> Callable[[Any], bool]:
    special = _SPECIAL.get(slot)
    if special:
        return special
    if slot[0] == "=":
        constant = json.loads(slot[1:])
        constant = tuple(constant) if isinstance(constant, list) else constant
        return lambda value: type(value) is type(constant) and value == constant
    if slot.startswith("class:"):
        return lambda value: isinstance(value, Named) and value.row is summary(slot[6:])
    if slot[0] == "(":
        parts = _parted(slot[1:-1], ",")
        return lambda value: (
            type(value) is tuple
            and len(value) == len(parts)
            and all(fits(part, item) for part, item in zip(parts, value, strict=True))
        )
    if slot[0] == "{":
        entries = dict(part.split("=", 1) for part in _parted(slot[1:-1], ","))
        allowed = {key.removesuffix("!"): inner for key, inner in entries.items()}
        needed = [key[:-1] for key in entries if key[-1] == "!"]
        return lambda value: (
            type(value) is DictOf
            and not value.given
            and all(key in value[::2] for key in needed)
            and all(
                type(key) is str and key in allowed and fits(allowed[key], item)
                for key, item in zip(value[::2], value[1::2], strict=True)
            )
        )
    if slot.startswith("each:"):
        each = _condition(slot[5:])
        return lambda value: type(value) in (list, tuple) and all(map(each, value))
    if ":" in slot:
        return lambda value: (
            isinstance(value, Made)
            and value.row is summary(slot)
            and (value.built or not value.row.get("whole"))
        )
    return lambda value: type_of(value) == slot


def _pairs(value: Any) -> bool:
    if type_of(value) == "dict":
        return True
    return type(value) in (list, tuple) and all(
        type(pair) in (list, tuple) and len(pair) == 2 and hashable(pair[0]) for pair in value
    )


# Attributes that an unpickler or a summarised method looks up on the instance itself.
_LOOKED_UP = {
    "__setstate__", "__class__", "__dict__", "__reduce__", "__reduce_ex__", "__getstate__",
    "__del__", "__new__", "__init__", "__getinitargs__", "append", "extend", "add", "update",
}  # fmt: skip


def _attributes(value: Any) -> bool:
    if type(value) is not DictOf:
        return value is None
    return all(
        key is LONG_TEXT or (type(key) is str and key not in _LOOKED_UP) for key in value[::2]
    )


def _state(value: Any) -> bool:
    if type(value) is tuple:
        return len(value) == 2 and value[1] is None and _attributes(value[0])
    return _attributes(value)


_SPECIAL: dict[str, Callable[[Any], bool]] = {
    "any": lambda value: not isinstance(value, Opaque),
    "data": plain,
    "tree": all_certified,
    "class": lambda value: isinstance(value, Named) and bool(value.row.get("class")),
    "hashables": lambda value: (
        type_of(value) in ("list", "tuple", "set", "frozenset") and all(map(hashable, value))
    ),
    "pairs": _pairs,
    "state": _state,
    "slots": lambda value: (
        type(value) is tuple and len(value) == 2 and all(map(_attributes, value))
    ),
    "ndarray-state": array_state,
    "masked-state": masked_state,
    "arrays": arrays,
    "rows": lambda value: has_rows(value),
    "number-rows": lambda value: has_rows(value) and arrays(value),
    "version": lambda value: (
        type(value) is str and re.fullmatch(r"[\w.+-]{1,40}", value, re.ASCII) is not None
    ),
    "plain-dtype": lambda value: not (complete(value) or (0, True))[1],
    "dtype": lambda value: complete(value) is not None,
    "dtype-code": lambda value: of_code(value) is not None,
}


def built_from(target: Made, state: Any) -> bool:
    """Whether the row of an instance admits a state; a numpy array then knows its dtype."""
    row = target.row
    if not any(fits(slot, state) for slot in row.get("build", ())):
        return False
    if type(state) is tuple and len(state) in (5, 7):
        target.dtype = complete(state[2])
        target.dimensions = dimensions(state[1])
    attributes = row.get("attributes", {})
    others = attributes.get("*", "any")
    if type(state) is tuple and any("={" in slot for slot in row.get("build", ())):
        for value in (v for part in state if type(part) is DictOf for v in part[1::2]):
            if type(value) is DictOf:
                value.relied_on = True
    held = state[0] if type(state) is tuple and len(state) == 2 else state
    needed = [key[:-1] for key in attributes if key[-1] == "!"]
    if not attributes or type(held) is not DictOf:
        return not needed
    table = {key.removesuffix("!"): slot for key, slot in attributes.items()}
    trusted = {key.rstrip("!") for key, slot in attributes.items() if slot[:1] == "{"}
    for key, value in zip(held[::2], held[1::2], strict=True):
        if type(value) is DictOf and type(key) is str and key in trusted:
            value.relied_on = True
    return all(key in held[::2] for key in needed) and all(
        fits(table.get(key, others) if type(key) is str else others, value)
        for key, value in zip(held[::2], held[1::2], strict=True)
    )
