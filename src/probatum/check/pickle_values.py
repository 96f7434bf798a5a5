"""Values as the pickle checker sees them.

Built-in containers are Python lists and their subclasses, tuples are tuples, short strings and
integers stand for themselves, everything else built-in is an Atom.
"""

from collections.abc import Iterator
from typing import Any


class Atom:
    """Built-in data whose content does not matter, only its type."""

    def __init__(self, type: str) -> None:
        self.type = type


class LongBytes(Atom):
    """Bytes that lie in the stream from `start` to `end`."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__("bytes")
        self.start, self.end = start, end


LONG_TEXT, VAGUE_TEXT = Atom("str"), Atom("str")  # too long for a name; of unknown content
BYTES, BYTEARRAY, NUMBER, FLOAT = Atom("bytes"), Atom("bytearray"), Atom("int"), Atom("float")
ATOMS = {
    **{atom.type: atom for atom in (VAGUE_TEXT, BYTES, BYTEARRAY, NUMBER, FLOAT)},
    **{name: Atom(name) for name in ("complex", "data")},
    "bool": True,
    "none": None,
}


class DictOf(list[Any]):
    """A dict: keys and values in turn; `given` if a call or a BUILD may have changed it since,
    `relied_on` if a built object keeps it and trusts what is in it."""

    given = False
    relied_on = False


class SetOf(list[Any]):
    """A set."""


class FrozenOf(list[Any]):
    """A frozenset."""


class Mixed(list[Any]):
    """A container made by a call: `type` is known, its elements only as a whole."""

    def __init__(self, type: str, parts: list[Any]) -> None:
        super().__init__(parts)
        self.type = type


class Named:
    """A class or function with a summary."""

    def __init__(self, name: str, row: dict[str, Any]) -> None:
        self.name = name
        self.row = row


class Made(list[Any]):
    """An instance; its elements are all it was ever given."""

    def __init__(self, row: dict[str, Any], arguments: tuple[Any, ...], at: int) -> None:
        super().__init__(arguments)
        self.row = row
        self.arguments = arguments
        self.at = at
        self.built = False
        self.dtype: tuple[int, bool, bool] | None = None
        self.dimensions = 0


class Opaque(list[Any]):
    """What an inert call returned, and nobody certifies."""


_TYPES: dict[type, str] = {
    type(None): "none", bool: "bool", int: "int", str: "str", tuple: "tuple", list: "list",
    DictOf: "dict", SetOf: "set", FrozenOf: "frozenset",
}  # fmt: skip


def type_of(value: Any) -> str:
    if isinstance(value, (Atom, Mixed)):
        return value.type
    return _TYPES.get(type(value), "")


def everything(root: Any) -> Iterator[Any]:
    """All values reachable from `root`, but for the numbers and texts that stand for themselves."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if type(value) in _THEMSELVES:
            continue
        yield value
        if isinstance(value, (list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value)


_THEMSELVES = {Atom, str, int, bool, type(None)}


def plain(root: Any) -> bool:
    """Built-in data all through."""
    return not any(isinstance(value, Named | Made | Opaque) for value in everything(root))


def certified(value: Any) -> bool:
    """No function, no class or instance that its summary does not certify as data."""
    if isinstance(value, Named):
        return bool(value.row.get("class") and value.row.get("data"))
    if isinstance(value, Made):
        return bool(value.row.get("data"))
    return not isinstance(value, Opaque)


def all_certified(root: Any) -> bool:
    return all(map(certified, everything(root)))


def hashable(root: Any) -> bool:
    """Hashing and comparing runs built-in or summarised code only (an unhashable type raises).

    No deeper than 1000 tuples: C hashes them with a call inside a call, without counting.
    """
    waiting = [(root, 0)]
    for _ in range(100_000):
        if not waiting:
            return True
        value, depth = waiting.pop()
        if isinstance(value, Made):
            if not value.row.get("hash"):
                return False
        elif isinstance(value, Opaque):
            return False
        elif isinstance(value, tuple | FrozenOf | Mixed):
            if depth > 1000:
                return False
            waiting.extend((part, depth + 1) for part in value)
    return False


def mark_given(*values: Any) -> None:
    """A call or a BUILD has had these: any dict in them may have been changed by it."""
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if type(value) is tuple:
            waiting.extend(value)
        elif type(value) is DictOf and not value.given:
            value.given = True
            waiting.extend(value[1::2])
