"""A program made of what the last review left behind (kept.py), and of the files that changed.

Only the facts of those are compared; answers that rest on none that differs are taken over, all
others are worked out again, and what was kept is read when something looks at it:

1. what classes name as their bases: of the changed modules, and where a fact behind it changed;
2. from these, which classes are whose children;
3. what calls mean, and who calls a function: told on only where the answer is another one;
4. what the review itself asks: sinks, and properties of modules.
"""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, cast

from probatum.taint.bodies import function, numbers, shape
from probatum.taint.callers import Callers
from probatum.taint.differences import INDEXES, Shapes, differences
from probatum.taint.flow import Function, Module
from probatum.taint.kept import Kept, Memory, group_of, split
from probatum.taint.names import Answer, Outline, Place
from probatum.taint.program import Program
from probatum.taint.recording import Fact


class Recalled(Program):
    """A program of what a memory holds, but for the modules `fresh` (in their order there).

    Of those whose names are in `same` nothing has changed: they are only not kept. Raises: Spoilt,
    now or when something is looked at, if the memory is not whole.
    """

    def __init__(self, memory: Memory, fresh: dict[str, Module], same: frozenset[str]) -> None:
        self.memory = memory
        self.order = {one.name: number for number, one in enumerate(memory.modules)}
        self.changed = {name: module for name, module in fresh.items() if name not in same}
        self.invalid: set[int] = set()
        self._tables: dict[tuple[str, str], dict[Any, tuple[int, Any]]] = {}
        super().__init__(
            [
                fresh.get(one.name) or _module(memory, one.name, one.path, one.shipped)
                for one in memory.modules
            ]
        )
        if self.changed:
            self._settle()

    def _index(self) -> None:
        found = {kind: _Index(self, kind) for kind in INDEXES}
        self.named = cast(Any, _First(found["named"]))
        self.methods, self.calls, self.stores = found["methods"], found["calls"], found["stores"]
        self.exported = cast(Any, found["exported"])
        self.offered = cast(Any, found["offered"])
        self.members = _OfClasses(self._members)
        self._inside_of = _OfClasses(self._indexes)

    @cached_property
    def children(self) -> dict[Place, list[Place]]:
        return defaultdict(list, self.memory.children())

    def outline(self, module: Module) -> Outline:
        if isinstance(module, _Module):
            return module.kept.outline
        return super().outline(module)

    def _members(self, module: str) -> dict[Place, dict[str, Place]]:
        found: dict[Place, dict[str, Place]] = defaultdict(dict)
        for index, name, parent in self._in_classes(module):
            found[module, parent][name.rpartition(".")[2]] = module, index
        return found

    def _indexes(self, module: str) -> dict[Place, list[int]]:
        found: dict[Place, list[int]] = defaultdict(list)
        for index, _, parent in self._in_classes(module):
            found[module, parent].append(index)
        return found

    def _in_classes(self, module: str) -> Iterator[tuple[int, str, int]]:
        outline = self.outline(self.modules[module])
        for index, (name, _, parent) in enumerate(outline):
            if index and outline[parent][1] == "class":
                yield index, name, parent

    def remembered(self, key: tuple[Any, ...], work: Callable[[], Answer]) -> Answer:
        kind, group, rest = split(key)
        known = self._table(kind, group).get(rest)
        if known is not None and known[0] not in self.invalid:
            return cast(Answer, known[1])
        return work()

    def _table(self, kind: str, group: str) -> dict[Any, tuple[int, Any]]:
        table = self._tables.get((kind, group))
        if table is None:
            table = self._tables[kind, group] = self.memory.answers(kind, group)
        return table

    # What has changed

    def _settle(self) -> None:
        facts: set[Fact] = set()
        for name, module in self.changed.items():
            old = _module(self.memory, name, module.path, module.shipped)
            facts |= differences(old, module, (_shapes(old), _shapes(module)))
        self._invalidate(facts)
        facts = self._adopted()
        self.memo.clear()
        self._invalidate(facts)
        self._invalidate(self._called())
        self.memo.clear()

    def _invalidate(self, facts: Iterable[Fact]) -> None:
        """Take back every answer that rests on one of these facts."""
        grouped: dict[str, set[Fact]] = defaultdict(set)
        for fact in facts:
            grouped[group_of(fact)].add(fact)
            if not isinstance(fact[1], int):
                whole = ("all", fact[0])
                grouped[group_of(whole)].add(whole)
        for group, wanted in grouped.items():
            for fact, rows in self.memory.dependents(group):
                if _hashable(fact) in wanted:
                    self.invalid.update(array("I", rows))

    def _adopted(self) -> set[Fact]:
        """Renews who is whose child; the entries that are not what they were."""
        facts: set[Fact] = set()
        classes = {
            (name, index)
            for name, module in self.changed.items()
            for index, (_, kind, _) in enumerate(self.outline(module))
            if kind == "class"
        }
        for name in {*self.changed, *(group for group in self._groups("parents"))}:
            table = self._table("parents", name)
            classes |= {
                (name, rest[0])
                for rest, (number, _) in table.items()
                if name in self.changed or number in self.invalid
            }
        for cls in sorted(classes, key=lambda one: (self.order[one[0]], one[1])):
            old = self._table("parents", cls[0]).get(cls[1:], (0, []))[1]
            new = self.parents(cls) if self._is_class(cls) else []
            if old != new:
                facts |= self._moved(cls, old, new)
        return facts

    def _is_class(self, place: Place) -> bool:
        outline = self.outline(self.modules[place[0]])
        return place[1] < len(outline) and outline[place[1]][1] == "class"

    def _moved(self, cls: Place, old: list[Place], new: list[Place]) -> set[Fact]:
        for parent in old:
            self.children[parent] = [one for one in self.children[parent] if one != cls]
        for parent in new:
            self.children[parent].append(cls)
            self.children[parent].sort(key=lambda one: (self.order[one[0]], one[1]))
        return {("children", parent) for parent in (*old, *new)}

    def _called(self) -> set[Fact]:
        """The functions of which other calls are said to mean them than before."""
        facts: set[Fact] = set()
        callers = Callers(self)
        for short in self._groups("meant") | self._groups("callers"):
            for place, (number, known) in self._table("callers", short).items():
                # In a changed file it may not be that function any more.
                other = place[0] in self.changed and number in self.invalid
                if other or callers.found(place) != known:
                    self.invalid.add(number)
                    facts.add(("callers", *place))
        return facts

    def _groups(self, kind: str) -> set[str]:
        """The groups of a kind that an answer which was taken back is in."""
        starts = self.memory.starts()
        found = {starts[bisect_right(starts, (one, "\U0010ffff", "")) - 1] for one in self.invalid}
        return {group for _, one, group in found if one == kind}


class _Module:
    """A module that was kept; it is read when something of it is asked for."""

    def __init__(self, memory: Memory, name: str, path: str, shipped: bool) -> None:
        self._memory = memory
        self.name, self.path, self.shipped = name, path, shipped

    @cached_property
    def kept(self) -> Kept:
        return self._memory.module(self.name)

    @property
    def imports(self) -> dict[str, str]:
        return self.kept.imports

    @cached_property
    def functions(self) -> "_Functions":
        return _Functions(self.kept)


def _module(memory: Memory, name: str, path: str, shipped: bool) -> Module:
    return cast(Module, _Module(memory, name, path, shipped))


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
            known = self.decoded[at] = function(self.kept.bodies[at], self.kept.places[at])
        return known

    def __iter__(self) -> Iterator[Function]:
        return (self[at] for at in range(len(self)))


class _Index(dict[str, list[Any]]):
    """An index: what was kept of the modules that did not change, and that of the others."""

    def __init__(self, program: Recalled, kind: str) -> None:
        super().__init__()
        self.program, self.kind = program, kind

    @cached_property
    def fresh(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = defaultdict(list)
        for module in self.program.changed.values():
            for key, rows in INDEXES[self.kind](module).items():
                found[key] += rows
        return found

    def __missing__(self, key: str) -> list[Any]:
        changed, order = self.program.changed, self.program.order
        rows = [one for one in self.program.memory.entries(self.kind, key) if one[0] not in changed]
        if changed:
            rows += self.fresh.get(key, ())
            rows.sort(key=lambda one: (order[one[0]], one[1:2]))
        self[key] = rows
        return rows

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] or default

    def __contains__(self, key: object) -> bool:
        return bool(self[str(key)])

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys([*self.program.memory.names(self.kind), *self.fresh])
        return (name for name in names if self[name])

    def items(self) -> Any:
        return ((key, self[key]) for key in self)


class _First:
    """The first row of each entry of an index."""

    def __init__(self, index: _Index) -> None:
        self.index = index

    def get(self, key: str) -> Any:
        rows = self.index[key]
        return rows[0] if rows else None


class _OfClasses(dict[Place, Any]):
    """What `made` says of all classes of a module, when one of them is asked for."""

    def __init__(self, made: Callable[[str], dict[Place, Any]]) -> None:
        super().__init__()
        self.made = made
        self.known: set[str] = set()

    def __missing__(self, cls: Place) -> Any:
        return self.get(cls, {})

    def get(self, cls: Place, default: Any = None) -> Any:
        if cls[0] not in self.known:
            self.known.add(cls[0])
            self.update(self.made(cls[0]))
        return super().get(cls, default)


def _shapes(module: Module) -> Shapes:
    if isinstance(module, _Module):
        pairs = zip(module.kept.bodies, module.kept.places, strict=True)
        return [(bytes(body), numbers(places)) for body, places in pairs]
    return [(shape(one), one.places) for one in module.functions]


def _hashable(fact: tuple[Any, ...]) -> Fact:
    return tuple(tuple(part) if isinstance(part, list) else part for part in fact)
