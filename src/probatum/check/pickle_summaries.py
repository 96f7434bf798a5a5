"""Values and effect summaries as the pickle checker sees them: the standard library alone.

The rows and their slots are described in docs/reference/effect-summaries.md. Built-in containers
are Python lists and their subclasses, tuples are tuples, short strings and integers stand for
themselves, everything else built-in is an Atom.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent.parent / "rules" / "effects"


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


@cache
def _packages() -> frozenset[str]:
    return frozenset(path.stem for path in (*_FOLDER.glob("*.toml"), *_FOLDER.glob("derived/*")))


@cache
def _rows(package: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    reviewed = _toml(f"{package}.toml")
    for row in reviewed.get("row", ()):
        for name in row["names"]:
            found[name] = row
    derived = _FOLDER / "derived" / f"{package}.json"
    if derived.is_file():
        shapes = {**_toml("shapes.toml").get("shape", {}), **reviewed.get("shape", {})}
        for name, entry in json.loads(derived.read_bytes())["classes"].items():
            found.setdefault(name, {**shapes[entry["shape"]], "class": True, "names": [name]})
    return found


@cache
def _toml(name: str) -> dict[str, Any]:
    path = _FOLDER / name
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


@lru_cache(1 << 12)
def summary(name: str) -> dict[str, Any] | None:
    """The row of `module:qualified_name`."""
    package = name.partition(":")[0].partition(".")[0]
    return _rows(package).get(name) if package in _packages() else None


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


def _plain(root: Any) -> bool:
    return not any(isinstance(value, Named | Made | Opaque) for value in everything(root))


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


def _array_state(value: Any) -> bool:
    """numpy array_setstate: (version, shape, dtype, fortran, bytes, or a list as long as shape)."""
    if type(value) is not tuple or len(value) != 5 or type(value[0]) is not int:
        return False
    dtype = _complete(value[2])
    if dtype is None or not _lengths(value[1]) or type_of(value[3]) not in ("bool", "int"):
        return False
    if type_of(value[4]) == "bytes":
        return not dtype[1]
    if type(value[4]) is not list or len(value[4]) != prod(value[1]):
        return False
    return dtype[2] or _plain(value[4])


def _masked_state(value: Any) -> bool:
    """numpy.ma MaskedArray.__setstate__: an array's state, then mask bytes and a fill value."""
    if type(value) is not tuple or len(value) != 7:
        return False
    return _array_state(value[:5]) and type_of(value[5]) == "bytes" and _arrays(value[6])


def _arrays(root: Any) -> bool:
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


def _has_rows(value: Any) -> bool:
    """A whole numpy array of at least one dimension."""
    is_array = isinstance(value, Made) and value.row is summary("numpy:ndarray")
    return is_array and bool(value.built and value.dimensions)


def dimensions(shape: Any) -> int:
    """Of an array reshaped so; 0 also where it is not known."""
    if type(shape) is int:
        return 1
    return len(shape) if type(shape) is tuple else 0


def _lengths(value: Any) -> bool:
    return type(value) is tuple and all(type(length) is int and length >= 0 for length in value)


_SPECIAL: dict[str, Callable[[Any], bool]] = {
    "any": lambda value: not isinstance(value, Opaque),
    "data": _plain,
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
    "ndarray-state": _array_state,
    "masked-state": _masked_state,
    "arrays": _arrays,
    "rows": lambda value: _has_rows(value),
    "number-rows": lambda value: _has_rows(value) and _arrays(value),
    "version": lambda value: (
        type(value) is str and re.fullmatch(r"[\w.+-]{1,40}", value, re.ASCII) is not None
    ),
    "plain-dtype": lambda value: not (_complete(value) or (0, True))[1],
    "dtype": lambda value: _complete(value) is not None,
    "dtype-code": lambda value: _of_code(value) is not None,
}


# numpy's dtypes, as (bytes of an element, holds references, is plain object). numpy believes the
# state it is given, so only what numpy itself writes for a type is admitted (descriptor.c).
_CODE = re.compile(
    r"[<>|=]?(b1|[iu][1248]|f(?:[248]|12|16)|c(?:8|16|24|32)|[mM]8|O[48]?|[SUV]\d{1,9})"
)


def _of_code(code: Any) -> tuple[int, bool, bool] | None:
    found = _CODE.fullmatch(code) if type(code) is str and code.isascii() else None
    if not found:
        return None
    letter, count = found[1][0], found[1][1:]
    if letter == "O":
        return 8, True, True
    return int(count) * (4 if letter == "U" else 1), False, False


def _complete(value: Any) -> tuple[int, bool, bool] | None:
    if not isinstance(value, Made) or not value.built:
        return None
    return value.dtype if value.row is summary("numpy:dtype") else None


def built_from(target: Made, state: Any) -> bool:
    """Whether the row of an instance admits a state; a numpy array then knows its dtype."""
    row = target.row
    if not any(fits(slot, state) for slot in row.get("build", ())):
        return False
    if type(state) is tuple and len(state) in (5, 7):
        target.dtype = _complete(state[2])
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


def dtype_of(fresh: Made, state: Any) -> tuple[int, bool, bool] | None:
    """The type that `__setstate__(state)` makes of a fresh dtype, or None."""
    # Without the third argument, copy, it may be the instance that all of numpy shares.
    code = str(fresh.arguments[0]) if len(fresh.arguments) == 3 else ""
    made = _of_code(code)
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
        known = _complete(inner)
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
    inner = _complete(base[0])
    shape = base[1] if type(base[1]) is tuple else (base[1],)
    if inner is None or inner[1] or not _lengths(shape) or flags not in (0, 8):
        return None
    return (size, False, False) if inner[0] * prod(shape) == size else None


def _unit(metadata: Any) -> bool:
    if type(metadata) is not tuple or len(metadata) != 2 or type(metadata[1]) is not tuple:
        return False
    nothing = metadata[0] is None or (type(metadata[0]) is DictOf and not metadata[0])
    return nothing and len(metadata[1]) == 4 and all(type(n) is int for n in metadata[1][1:])


_LOCATION = re.compile(r"cpu|meta|mps|(?:cuda|xpu|npu|hpu)(?::[0-9]{1,3})?")


def torch_storage(key: Any, loader: str) -> dict[str, Any] | None:
    """The storage class of a persistent id as torch.save writes it (torch/serialization.py)."""
    length = {"torch-raw": 6, "torch": 5, "torchscript": 5}.get(loader, -1)
    if type(key) is not tuple or len(key) != length or key[0] != "storage":
        return None
    cls, name, location, count = key[1:5]
    if not isinstance(cls, Named) or not re.fullmatch(r"torch.*Storage", cls.name):
        return None
    if type(name) is not str or type(location) is not str or not _LOCATION.fullmatch(location):
        return None
    if not cls.row.get("class") or type(count) is not int or count < 0:
        return None
    view = key[5] if length == 6 else None
    if view is None:
        return cls.row
    fine = type(view) is tuple and len(view) == 3 and {type(part) for part in view} <= {str, int}
    return cls.row if fine else None


def torch_container(key: Any, loader: str) -> Any:
    """The class of a layer saved with its source: torch compares that with its own, and warns.

    It writes a file only for a class with `dump_patches`, which no class of torch.nn.modules has.
    """
    if loader != "torch-raw" or type(key) is not tuple or len(key) != 4 or key[0] != "module":
        return None
    if not isinstance(key[1], Named) or not key[1].row.get("class"):
        return None
    own = key[1].name.startswith("torch.nn.modules.")
    return key[1] if own and type_of(key[2]) == "str" == type_of(key[3]) else None


def joblib_array(value: Any) -> tuple[dict[str, Any], tuple[int, int], bool, bool] | None:
    """(class, (bytes, dimensions), holds references, padded) of the array behind its wrapper."""
    wrapper, array = summary("joblib.numpy_pickle:NumpyArrayWrapper"), summary("numpy:ndarray")
    if not isinstance(value, Made) or value.row is not wrapper or not value.built or array is None:
        return None
    if type(value[-1]) is not DictOf:
        return None
    given = {
        key: item
        for key, item in zip(value[-1][::2], value[-1][1::2], strict=True)
        if type(key) is str
    }
    dtype, shape, cls = _complete(given.get("dtype")), given.get("shape"), given.get("subclass")
    if (
        dtype is None
        or shape is None
        or not _lengths(shape)
        or not isinstance(cls, Named)
        or cls.row not in (array, summary("numpy:memmap"))
    ):
        return None
    padded = given.get("numpy_array_alignment_bytes") is not None
    return array, (prod(shape) * dtype[0], len(shape)), dtype[1], padded
