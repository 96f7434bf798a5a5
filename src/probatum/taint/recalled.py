"""What a review of a project leaves behind for the next one, and a program made of it.

A memory holds every module lowered, the indexes, and each answer with the facts it was read from
(recording.py). Where a few files have changed since, only their facts are compared; answers that
rest on none of those that differ are taken over, all others are worked out again, and functions are
decoded when something looks at them:

1. what classes name as their bases: of the changed modules, and where a fact behind it changed;
2. from these, which classes are whose children;
3. what calls mean, and who calls a function: told on only where the answer is another one;
4. what the review itself asks: sinks, and properties of modules.
"""

import hashlib
import sys
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path as File
from typing import Any, cast

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from probatum.taint.callers import Callers
from probatum.taint.flow import Function, Module
from probatum.taint.names import (
    Answer,
    Outline,
    Place,
    calls_of,
    is_public,
    offered_by,
    stores_of,
)
from probatum.taint.program import Program
from probatum.taint.project import Unread
from probatum.taint.properties.routes import Route
from probatum.taint.recording import Entry, Fact, Recording
from probatum.taint.states import Path

_OF_MODULES = frozenset(["places", "import", "inside", "callers"])
_NOTHING = 1  # the number of the extension type that stands for `...`


class Kept(Struct, array_like=True):
    """A module. `bodies` are its functions but for their lines, which are in `places`.

    Both are empty where a constant cannot be written down: such a file is read again.
    """

    name: str
    path: str
    shipped: bool
    imports: dict[str, str]
    outline: Outline
    bodies: list[Raw]
    places: list[Raw]


class Memory(Struct, array_like=True):
    """All of it. `files` are digests by path; `starts` says of which table an answer is."""

    files: dict[str, bytes]
    unread: list[Unread]
    modules: list[Kept]
    calls: dict[str, Raw]
    stores: dict[str, Raw]
    children: Raw
    tables: dict[str, dict[str, Raw]]
    starts: list[tuple[int, str, str]]
    dependents: dict[str, Raw]


# --- writing ---------------------------------------------------------------------------------


def written(files: dict[str, bytes], unread: list[Unread], program: Recording) -> bytes:
    """The memory of a review. `files` are the digests of the files by path."""
    entries = sorted(program.entries, key=lambda entry: entry[0][:2])
    tables, starts = _tables(entries)
    memory = Memory(
        files=files,
        unread=unread,
        modules=[_kept(module) for module in program.modules.values()],
        calls={key: _raw(rows) for key, rows in program.calls.items()},
        stores={key: _raw(rows) for key, rows in program.stores.items()},
        children=_raw(list(program.children.items())),
        tables=tables,
        starts=starts,
        dependents=_dependents(entries, program.facts),
    )
    body = _encoder.encode(memory)
    return key() + hashlib.sha256(body).digest() + body


def _kept(module: Module) -> Kept:
    functions = list(module.functions)
    outline = [(one.name, one.kind, one.parent) for one in functions]
    kept = Kept(module.name, module.path, module.shipped, dict(module.imports), outline, [], [])
    try:
        kept.bodies = [_body(one) for one in functions]
    except (ValueError, OverflowError):  # a lone surrogate, an integer of more than 64 bits
        return kept
    kept.places = [_raw(list(one.places)) for one in functions]
    return kept


def _body(function: Function) -> Raw:
    return _raw(replace(function, places=[], line=0))


def _tables(
    entries: list[Entry],
) -> tuple[dict[str, dict[str, Raw]], list[tuple[int, str, str]]]:
    rows: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    starts = []
    for number, (key, answer, _) in enumerate(entries):
        kind, group, *rest = key
        if group not in rows[kind]:
            starts.append((number, kind, group))
        rows[kind][group].append((number, rest, answer))
    tables = {
        kind: {group: _raw(one) for group, one in groups.items()} for kind, groups in rows.items()
    }
    return tables, starts


def _dependents(entries: list[Entry], facts: dict[Fact, int]) -> dict[str, Raw]:
    """For each group of facts: every fact with the numbers of the answers that rest on it."""
    numbers = [array("I") for _ in facts]
    for number, (_, _, rests_on) in enumerate(entries):
        for one in rests_on:
            numbers[one].append(number)
    grouped: dict[str, list[Any]] = defaultdict(list)
    for fact, number in facts.items():
        grouped[_group(fact)].append((fact, numbers[number].tobytes()))
    return {group: _raw(rows) for group, rows in grouped.items()}


def _group(fact: Fact) -> str:
    """Facts of a module are kept with it, entries of an index with the index."""
    if isinstance(fact[1], int):
        return f"module {fact[0]}"
    return f"module {fact[1]}" if fact[0] in _OF_MODULES else str(fact[0])


def _raw(data: Any) -> Raw:
    return Raw(_encoder.encode(data))


def _extension(value: Any) -> msgspec.msgpack.Ext:
    if value is ...:
        return msgspec.msgpack.Ext(_NOTHING, b"")
    raise TypeError(f"{type(value)} is not written down")


def _extended(code: int, data: memoryview) -> Any:
    return ...


_encoder = msgspec.msgpack.Encoder(enc_hook=_extension)


@cache
def key() -> bytes:
    """Of what made the answers: this engine, the checker, their rules and their Python."""
    digest = hashlib.sha256(sys.version.encode())
    folder = File(__file__).parent
    rules = folder.parent / "rules" / "code"
    checker = (folder.parent / "check").glob("*.py")
    for path in sorted([*folder.rglob("*.py"), *checker, *rules.glob("*.toml")]):
        content = path.read_bytes()
        digest.update(b"%d %s\n" % (len(content), path.name.encode()) + content)
    return digest.digest()


# --- reading ---------------------------------------------------------------------------------


def memory_of(data: bytes | None) -> Memory | None:
    """The memory that was written, if this very engine wrote it and not a byte has changed."""
    if data is None or len(data) < 64 or data[:32] != key():
        return None
    body = memoryview(data)[64:]
    if hashlib.sha256(body).digest() != data[32:64]:
        return None
    try:
        return _memory.decode(body)
    except msgspec.DecodeError:
        return None


_memory = msgspec.msgpack.Decoder(Memory)
_functions = msgspec.msgpack.Decoder(Function, ext_hook=_extended)
_numbers = msgspec.msgpack.Decoder(list[int])
_rows = msgspec.msgpack.Decoder(list[tuple[Any, ...]])
_children = msgspec.msgpack.Decoder(list[tuple[Place, list[Place]]])
_facts = msgspec.msgpack.Decoder(list[tuple[tuple[Any, ...], bytes]])
_Rest = tuple[Any, ...]  # the rest of an answer's key, behind its kind and group
_ANSWERS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    "parents": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Place]]]),
    "meant": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Place | None]]]),
    "callers": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[tuple[Place, int]]]]),
    "sink": msgspec.msgpack.Decoder(list[tuple[int, _Rest, tuple[str, Path | None]]]),
    "properties": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Path]]]),
    "routes": msgspec.msgpack.Decoder(list[tuple[int, _Rest, list[Route]]]),
}


def _function(body: Raw, places: Raw) -> Function:
    function = _functions.decode(body)
    function.nodes = [_tupled(node) for node in function.nodes]
    function.under = {key: _tupled(value) for key, value in function.under.items()}
    function.controls = [tuple(one) for one in function.controls]
    function.places = _numbers.decode(places)
    return function


def _tupled(data: Any) -> Any:
    return tuple([_tupled(one) for one in data]) if isinstance(data, list) else data


class _Functions:
    """The functions of a kept module, each decoded when it is asked for."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.decoded: dict[int, Function] = {}

    def __len__(self) -> int:
        return len(self.kept.outline)

    def __getitem__(self, at: int) -> Function:
        known = self.decoded.get(at)
        if known is None:
            known = _function(self.kept.bodies[at], self.kept.places[at])
            self.decoded[at] = known
        return known

    def __iter__(self) -> Iterator[Function]:
        return (self[at] for at in range(len(self)))


class _Merged(dict[str, list[Any]]):
    """An index: what was kept of the modules that did not change, and that of the others."""

    def __init__(self, kept: dict[str, Raw], order: dict[str, int], fresh: list[Any]) -> None:
        super().__init__()
        self.kept, self.order = kept, order
        self.fresh: dict[str, list[Any]] = defaultdict(list)
        self.names: set[str] = set()
        for name, index in fresh:
            self.names.add(name)
            for key, rows in index.items():
                self.fresh[key] += rows

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self.kept and key not in self.fresh:
            return default
        return self[key]

    def __missing__(self, key: str) -> list[Any]:
        rows = list(self.fresh.get(key, ()))
        if key in self.kept:
            rows += [one for one in _rows.decode(self.kept[key]) if one[0] not in self.names]
        rows.sort(key=lambda one: (self.order[one[0]], one[1]))
        self[key] = rows
        return rows

    def items(self) -> Any:
        return ((key, self[key]) for key in {**self.kept, **self.fresh})


class Recalled(Program):
    """A program of what a memory holds, but for the modules `fresh` (in their order there).

    Of those whose names are in `same` nothing has changed: they are only not kept.
    """

    def __init__(self, memory: Memory, fresh: dict[str, Module], same: frozenset[str]) -> None:
        self.memory = memory
        self.fresh = fresh
        self.old = {kept.name: kept for kept in memory.modules}
        self.invalid: set[int] = set()
        self._tables: dict[tuple[str, str], dict[Any, tuple[int, Any]]] = {}
        super().__init__([fresh.get(kept.name) or _module(kept) for kept in memory.modules])
        order = {name: number for number, name in enumerate(self.modules)}
        changed = {name: module for name, module in fresh.items() if name not in same}
        calls = {name: calls_of(module) for name, module in changed.items()}
        stores = {name: stores_of(module) for name, module in changed.items()}
        self.calls = cast(Any, _Merged(memory.calls, order, list(calls.items())))
        self.stores = cast(Any, _Merged(memory.stores, order, list(stores.items())))
        self.children = defaultdict(list, dict(_children.decode(memory.children)))
        self._settle(order, changed)

    def outline(self, module: Module) -> Outline:
        if isinstance(module.functions, _Functions):
            return module.functions.kept.outline
        return super().outline(module)

    def remembered(self, key: tuple[Any, ...], work: Callable[[], Answer]) -> Answer:
        known = self._table(key[0], key[1]).get(key[2:])
        if known is not None and known[0] not in self.invalid:
            return cast(Answer, known[1])
        return work()

    def _table(self, kind: str, group: str) -> dict[Any, tuple[int, Any]]:
        table = self._tables.get((kind, group))
        if table is None:
            raw = self.memory.tables.get(kind, {}).get(group)
            rows = _ANSWERS[kind].decode(raw) if raw is not None else ()
            table = {rest: (number, answer) for number, rest, answer in rows}
            self._tables[kind, group] = table
        return table

    # What has changed

    def _settle(self, order: dict[str, int], changed: dict[str, Module]) -> None:
        facts: set[Fact] = set()
        for name, module in changed.items():
            facts |= _differences(_module(self.old[name]), module)
        self._invalidate(facts)
        facts = self._adopted(order, changed)
        self.memo.clear()
        self._invalidate(facts)
        self._invalidate(self._called(changed))
        self.memo.clear()

    def _invalidate(self, facts: Iterable[Fact]) -> None:
        """Take back every answer that rests on one of these facts."""
        grouped: dict[str, set[Fact]] = defaultdict(set)
        for fact in facts:
            grouped[_group(fact)].add(fact)
            if not isinstance(fact[1], int):
                grouped["all"].add(("all", fact[0]))
        for group, wanted in grouped.items():
            raw = self.memory.dependents.get(group)
            for fact, numbers in _facts.decode(raw) if raw is not None else ():
                if _hashable(fact) in wanted:
                    self.invalid.update(array("I", numbers))

    def _adopted(self, order: dict[str, int], changed: dict[str, Module]) -> set[Fact]:
        """Renews who is whose child; the entries that are not what they were."""
        facts: set[Fact] = set()
        classes = {
            (name, index)
            for name, module in changed.items()
            for index, (_, kind, _) in enumerate(self.outline(module))
            if kind == "class"
        }
        for name in {*changed, *(group for group in self._groups("parents"))}:
            table = self._table("parents", name)
            classes |= {
                (name, rest[0])
                for rest, (number, _) in table.items()
                if name in changed or number in self.invalid
            }
        for cls in sorted(classes, key=lambda one: (order[one[0]], one[1])):
            old = self._table("parents", cls[0]).get(cls[1:], (0, []))[1]
            new = self.parents(cls) if self._is_class(cls) else []
            if old != new:
                facts |= self._moved(order, cls, old, new)
        return facts

    def _is_class(self, place: Place) -> bool:
        outline = self.outline(self.modules[place[0]])
        return place[1] < len(outline) and outline[place[1]][1] == "class"

    def _moved(
        self, order: dict[str, int], cls: Place, old: list[Place], new: list[Place]
    ) -> set[Fact]:
        for parent in old:
            self.children[parent] = [one for one in self.children[parent] if one != cls]
        for parent in new:
            self.children[parent].append(cls)
            self.children[parent].sort(key=lambda one: (order[one[0]], one[1]))
        return {("children", parent) for parent in (*old, *new)}

    def _called(self, changed: dict[str, Module]) -> set[Fact]:
        """The functions of which other calls are said to mean them than before."""
        facts: set[Fact] = set()
        callers = Callers(self)
        for short in self._groups("meant") | self._groups("callers"):
            for place, (number, known) in self._table("callers", short).items():
                # In a changed file it may not be that function any more.
                other = place[0] in changed and number in self.invalid
                if other or callers.found(place) != known:
                    self.invalid.add(number)
                    facts.add(("callers", *place))
        return facts

    def _groups(self, kind: str) -> set[str]:
        """The groups of a kind that an answer which was taken back is in."""
        starts = self.memory.starts
        found = {starts[bisect_right(starts, (one, "\U0010ffff", "")) - 1] for one in self.invalid}
        return {group for _, one, group in found if one == kind}


def _module(kept: Kept) -> Module:
    functions = cast(list[Function], _Functions(kept))
    return Module(kept.name, kept.path, functions, kept.imports, kept.shipped)


def _hashable(fact: tuple[Any, ...]) -> Fact:
    return tuple(tuple(part) if isinstance(part, list) else part for part in fact)


def _differences(old: Module, new: Module) -> set[Fact]:
    """The facts of a module, and its shares in the indexes, that are not what they were."""
    name = old.name
    facts: set[Fact] = set()
    bodies, places = _shapes(old), _shapes(new)
    for at in range(max(len(bodies), len(places))):
        one, other = bodies[at : at + 1], places[at : at + 1]
        if [body for body, _ in one] != [body for body, _ in other]:
            facts.add((name, at))
        if one != other:
            facts.add(("places", name, at))
    facts |= {("import", name, key) for key in _unlike(old.imports, new.imports)}
    for kind, shares in _SHARES.items():
        facts |= {_fact(kind, key) for key in _unlike(shares(old), shares(new))}
    return facts


def _fact(kind: str, key: Any) -> Fact:
    return (kind, *key) if kind == "inside" else (kind, key)


def _shapes(module: Module) -> list[tuple[bytes, list[int]]]:
    if isinstance(module.functions, _Functions):
        kept = module.functions.kept
        pairs = zip(kept.bodies, kept.places, strict=True)
        return [(bytes(body), _numbers.decode(places)) for body, places in pairs]
    return [(_encoded(one), one.places) for one in module.functions]


def _encoded(function: Function) -> bytes:
    try:
        return bytes(_body(function))
    except (ValueError, OverflowError):
        return b""  # like nothing that was kept


def _unlike(old: dict[Any, Any], new: dict[Any, Any]) -> set[Any]:
    return {key for key in {**old, **new} if old.get(key) != new.get(key)}


def _named(module: Module) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(module.functions):
        found[f"{module.name}.{one.name}"].append(at)
    return found


def _inside(module: Module) -> dict[Place, list[tuple[str, int]]]:
    found: dict[Place, list[tuple[str, int]]] = defaultdict(list)
    for at, one in enumerate(module.functions):
        if one.parent >= 0 and module.functions[one.parent].kind == "class":
            found[module.name, one.parent].append((one.name, at))
    return found


def _methods(module: Module) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for members in _inside(module).values():
        for name, at in members:
            if module.functions[at].kind == "function":
                found[name.rpartition(".")[2]].append(at)
    return found


def _exported(module: Module) -> dict[str, int]:
    return dict.fromkeys(module.imports.values(), 1) if is_public(module.name) else {}


def _offered(module: Module) -> dict[str, int]:
    return dict.fromkeys(offered_by(module), 1)


_SHARES: dict[str, Callable[[Module], dict[Any, Any]]] = {
    "named": _named,
    "inside": _inside,
    "methods": _methods,
    "calls": calls_of,
    "stores": stores_of,
    "exported": _exported,
    "offered": _offered,
}
