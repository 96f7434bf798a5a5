"""Spells flatbuffers for tests: tables as dictionaries of slots, children behind their parents."""

import struct
from typing import Any

_SPELL = {1: "B", 2: "H", 4: "I", 8: "Q"}


def flatbuffer(root: dict[int, Any], mark: bytes = b"TFL3") -> bytes:
    """A slot is (width, number), text, bytes (a vector of them), (width, [numbers]), a dictionary
    (a table), or a list of dictionaries."""
    made = bytearray(bytes(4) + mark)
    _child(made, 0, root)
    return bytes(made)


def _child(made: bytearray, place: int, value: Any) -> None:
    made += bytes(-len(made) % 8)
    if isinstance(value, dict):
        made += bytes(-(len(made) + 4 + 2 * (max(value, default=-1) + 1)) % 8)
        vtable = len(made)
        made += bytes(4 + 2 * (max(value, default=-1) + 1))
        target = len(made)
    else:
        made += bytes(4)
        target = len(made)
    struct.pack_into("<I", made, place, target - place)
    if isinstance(value, dict):
        _table(made, vtable, value)
    elif isinstance(value, str):
        made += struct.pack("<I", len(value.encode())) + value.encode() + b"\0"
    elif isinstance(value, bytes):
        made += struct.pack("<I", len(value)) + value
    elif isinstance(value, tuple):
        width, numbers = value
        made += struct.pack(f"<I{len(numbers)}{_SPELL[width]}", len(numbers), *numbers)
    else:
        made += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for index, one in enumerate(value):
            _child(made, target + 4 + 4 * index, one)


def _table(made: bytearray, vtable: int, slots: dict[int, Any]) -> None:
    at = len(made)
    made += struct.pack("<i", at - vtable)
    places = {}
    for slot, value in slots.items():
        width = value[0] if isinstance(value, tuple) and isinstance(value[1], int) else 4
        made += bytes(-len(made) % width)
        places[slot] = len(made)
        number = value[1] if isinstance(value, tuple) and isinstance(value[1], int) else 0
        made += struct.pack("<" + _SPELL[width], number)
    size = 4 + 2 * (max(slots, default=-1) + 1)
    struct.pack_into("<HH", made, vtable, size, len(made) - at)
    for slot, place in places.items():
        struct.pack_into("<H", made, vtable + 4 + 2 * slot, place - at)
        value = slots[slot]
        if not (isinstance(value, tuple) and isinstance(value[1], int)):
            _child(made, place, value)
