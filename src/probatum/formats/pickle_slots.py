"""Slots: the conditions that effect summaries put on the pickle prover's abstract values.

The language is described in docs/reference/effect-summaries.md.
"""

from collections.abc import Iterator
from functools import cache

import msgspec

from probatum.formats.effects import Row
from probatum.formats.pickle_conditions import NAMED, Condition
from probatum.formats.pickle_dtypes import DType, from_code, with_state
from probatum.formats.pickle_values import (
    Box,
    Instance,
    Name,
    Value,
    complete_dtype,
    dict_items,
    is_row,
    parts,
    type_of,
)


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


@cache
def _condition(slot: str) -> Condition:
    options = [_single(option) for option in _split(slot, "|")]
    if len(options) == 1:
        return options[0]
    return lambda value: any(option(value) for option in options)


def _single(slot: str) -> Condition:
    if slot in NAMED:
        return NAMED[slot]
    if slot.startswith("="):
        wanted = msgspec.json.decode(slot[1:])
        wanted = tuple(wanted) if type(wanted) is list else wanted
        return lambda value: type(value) is type(wanted) and value == wanted
    if slot.startswith("class:"):
        name = slot[6:]
        return lambda value: isinstance(value, Name) and is_row(value.row, name)
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
    pairs = dict_items(value)
    if pairs is None or value.given or not needed <= {key for key, _ in pairs if type(key) is str}:
        return False
    return all(
        type(key) is str and key in conditions and conditions[key](item) for key, item in pairs
    )


def _is_whole(value: Value) -> bool:
    """A tuple, or a list whose every element is known."""
    known = isinstance(value, Box) and value.type == "list" and not value.dropped
    return known or type(value) is tuple


def _is_whole_row(value: Instance, name: str) -> bool:
    return is_row(value.row, name) and (value.built or not value.row.whole)


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


def _slot_of(attributes: dict[str, str], key: Value, others: str) -> str:
    if type(key) is not str:
        return others
    return attributes.get(f"{key}!") or attributes.get(key, others)


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


def dtype_after(instance: Instance, state: Value) -> DType | None:
    """The data type that BUILD makes of a fresh `numpy:dtype` instance, or None if it must not.

    Without the third argument, `copy`, the instance may be the one that all of numpy shares.
    """
    made = from_code(instance.arguments[0]) if len(instance.arguments) == 3 else None
    return None if made is None else with_state(made, state, complete_dtype, dict_items)
