"""Abstract values of the pickle prover.

A pickle has no branches and no loops, so the heap is exact: one abstract object stands for one
concrete object, and aliases through the memo are the same abstract object. Short constants stand
for themselves; what is too long to matter is represented by its type alone.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from probatum.formats.effects import Row
from probatum.formats.effects import row as find_row
from probatum.formats.pickle_dtypes import DType

KEPT = 256
"""The longest string or byte string (bytes) whose content is kept."""


_DEEPEST_KEY = 1000
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
    type of a completed numpy dtype or array, `dimensions` how many an array has, where known.
    """

    __slots__ = ("arguments", "built", "dimensions", "dtype", "made", "parts", "row")

    def __init__(self, row: Row, arguments: tuple[Value, ...], made: int) -> None:
        self.row = row
        self.arguments = arguments
        self.parts: list[Value] = list(arguments)
        self.made = made
        self.built = False
        self.dtype: DType | None = None
        self.dimensions: int | None = None


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


def is_scalar(value: Value) -> bool:
    return type(value) in _SCALARS


def described(value: Value, depth: int = 0) -> str:
    """A value in a few words, for a person: constants as they are, the rest by kind."""
    if type(value) is tuple:
        if depth > 4:
            return "(…)"
        inner = ", ".join(described(item, depth + 1) for item in value[:4])
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
    """Whether `hash()` and `==` of the value run built-in or summarised code only.

    C hashes what is inside a tuple with a call inside a call, and does not count how deep it is.
    """
    waiting = [(root, 0)]
    steps = 0
    while waiting:
        value, depth = waiting.pop()
        steps += 1
        if type(value) in _SCALARS:
            continue
        if type(value) is tuple:
            waiting.extend((item, depth + 1) for item in value)
        elif isinstance(value, Instance):
            if not value.row.hash:
                return False
        elif isinstance(value, Name):
            if value.row is None:
                return False
        elif isinstance(value, Box):
            if value.type == "frozenset":
                waiting.extend((item, depth + 1) for item in value.items)
        else:
            return False
        if steps > 100_000 or depth > _DEEPEST_KEY:
            return False
    return True


def is_data(root: Value) -> bool:
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


def dict_items(value: Value) -> list[tuple[Value, Value]] | None:
    if type_of(value) != "dict" or value.dropped:
        return None
    return list(zip(value.items[::2], value.items[1::2], strict=True))


def is_row(row: Row | None, name: str) -> bool:
    return row is not None and row is find_row(name)


def dimensions(shape: Value) -> int | None:
    """Of an array that is reshaped so: numpy takes an integer for one length."""
    if type(shape) is int:
        return 1
    return len(shape) if type(shape) is tuple else None


def complete_dtype(value: Value) -> DType | None:
    """The data type of a numpy dtype that BUILD has completed."""
    if not isinstance(value, Instance) or not value.built:
        return None
    return value.dtype if is_row(value.row, "numpy:dtype") else None


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
