"""Links the files of a project by name: definitions, imports, re-exports, class hierarchies."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

from probatum.taint.flow import (
    ATTR,
    CALL,
    FUNCTION,
    JOIN,
    NAME,
    RETURNS,
    WAY,
    Function,
    Module,
    Node,
)

Place = tuple[str, int]  # a function: the name of its module, its index there
Call = tuple[str, int, int]  # a call: its function's place, and its node there
Store = tuple[Place, int, int, int]  # function, base node, value node, link

AnyStore = tuple[str, int, int, int, int]  # module, function, base node, value node, link
Outline = list[tuple[str, str, int]]  # name, kind and parent of each function of a module
Answer = TypeVar("Answer")

_LONGEST_CHAIN = 6  # of re-exports that one name is followed through
_MOST_OVERRIDING = 12


class Names:
    """All modules of one project, and what their names mean."""

    def __init__(self, modules: list[Module]) -> None:
        self.memo: dict[Any, Any] = {}  # every answer that is kept, but for the indexes
        self.modules = {module.name: module for module in modules}
        self._index()

    def _index(self) -> None:
        self.named: dict[str, Place] = {}
        self.methods: dict[str, list[Place]] = defaultdict(list)
        self.members: dict[Place, dict[str, Place]] = defaultdict(dict)
        self._inside_of: dict[Place, list[int]] = defaultdict(list)
        for module in self.modules.values():
            self._define(module.name, self.outline(module))

    def _define(self, module: str, outline: Outline) -> None:
        for index, (name, kind, parent) in enumerate(outline):
            place = (module, index)
            if index == 0:
                continue
            self.named.setdefault(f"{module}.{name}", place)
            if outline[parent][1] == "class":
                self._inside_of[module, parent].append(index)
                short = name.rpartition(".")[2]
                self.members[module, parent][short] = place
                if kind == "function":
                    self.methods[short].append(place)

    def outline(self, module: Module) -> Outline:
        """Name, kind and parent of each function of a module."""
        return [(one.name, one.kind, one.parent) for one in module.functions]

    def remembered(self, key: tuple[Any, ...], work: Callable[[], Answer]) -> Answer:
        """What `work` answers; a program with a memory may know it already (see recall.py)."""
        return work()

    def rests_on(self, fact: tuple[Any, ...]) -> None:
        """Note that what is being worked out rests on a fact (see recording.py)."""

    def part(self, name: str) -> "Part":
        """One module by itself, for those who look at each thing in a project once."""
        known: Part | None = self.memo.get(("part", name))
        if known is None:
            known = self.memo["part", name] = Part(self.modules[name])
        return known

    def functions(self) -> Iterator[tuple[Place, Function]]:
        for name, module in self.modules.items():
            for index, function in enumerate(module.functions):
                yield (name, index), function

    def __getitem__(self, place: Place) -> Function:
        return self.modules[place[0]].functions[place[1]]

    @cached_property
    def calls(self) -> dict[str, list[Call]]:
        """Every call by the last part of its callee's name, as it is defined, not imported as."""
        found: dict[str, list[Call]] = defaultdict(list)
        for name in self.modules:
            for short, calls in self.part(name).calls.items():
                found[short] += calls
        return found

    def short(self, place: Place, node: int) -> str:
        """The last part of a callee's name; empty if it has none."""
        return _short(self.modules[place[0]], self[place], node)

    @cached_property
    def exported(self) -> set[str]:
        """What modules that are not private import: it is theirs to offer as well."""
        public = [name for name in self.modules if is_public(name)]
        return {target for name in public for target in self.modules[name].imports.values()}

    @cached_property
    def offered(self) -> set[str]:
        """What packages offer: what their `__init__` imports or binds, by absolute names."""
        return {name for module in self.modules.values() for name in offered_by(module)}

    @cached_property
    def stores(self) -> dict[str, list[AnyStore]]:
        """Every store to an attribute, by its name: its function's place, base, value, link."""
        found: dict[str, list[AnyStore]] = defaultdict(list)
        for module in self.modules.values():
            for attribute, stores in stores_of(module).items():
                found[attribute] += stores
        return found

    def conditions(self, place: Place, link: int) -> list[tuple[int, int]]:
        """The conditions of a control chain, innermost first, and whether they hold, without the
        calls that returned."""
        controls = self[place].controls
        found = []
        while link >= 0:
            test, way, link = controls[link]
            if way & WAY != RETURNS:
                found.append((test, way & WAY))
        return found

    def stored(self, cls: Place) -> dict[str, list[Store]]:
        """What the methods of a class store to attributes, of whatever object, by their names."""
        known: dict[str, list[Store]] | None = self.memo.get(("stored", cls))
        if known is None:
            known = self.memo["stored", cls] = defaultdict(list)
            for index in self._inside_of.get(cls, ()):
                where = (cls[0], index)
                for base, attribute, value, link in self[where].stores:
                    known[attribute].append((where, base, value, link))
        return known

    def found(self, dotted: str, depth: int = 0) -> Place | None:
        """The function, class or module that an absolute dotted name means, through re-exports."""
        place = self.named.get(dotted)
        if place is not None or depth > _LONGEST_CHAIN:
            return place
        if dotted in self.modules:
            return dotted, 0
        head, _, rest = dotted.rpartition(".")
        while head:
            module = self.modules.get(head)
            if module is not None:
                return self._inside(module, rest, dotted, depth)
            head, _, last = head.rpartition(".")
            rest = f"{last}.{rest}"
        return None

    def _inside(self, module: Module, rest: str, dotted: str, depth: int) -> Place | None:
        """What `rest` means in a module: what it imports, or the member of a class."""
        first, _, more = rest.partition(".")
        renamed = module.imports.get(first)
        if renamed is not None and renamed != dotted:
            return self.found(f"{renamed}.{more}" if more else renamed, depth + 1)
        inner = self.named.get(f"{module.name}.{first}") if more else None
        return self.member(inner, more) if inner is not None else None

    def outside(self, dotted: str, depth: int = 0) -> str:
        """An absolute name that is none of the project's, as those name it who first import it."""
        head, _, rest = dotted.rpartition(".")
        while head and depth <= _LONGEST_CHAIN:
            module = self.modules.get(head)
            if module is not None:
                first, dot, more = rest.partition(".")
                renamed = module.imports.get(first)
                if renamed is None or f"{renamed}{dot}{more}" == dotted:
                    break
                return self.outside(f"{renamed}{dot}{more}", depth + 1)
            head, _, last = head.rpartition(".")
            rest = f"{last}.{rest}"
        return dotted

    def dotted(self, place: Place, node: int) -> str:
        """The dotted name of a node, absolute where it is imported or defined; else empty."""
        parts: list[str] = []
        nodes = self[place].nodes
        given = nodes[node]
        while given[0] == ATTR:
            parts.append(given[2])
            given = nodes[given[1]]
        base = ""
        if given[0] == NAME:
            base = self.absolute(place, given[1])
        elif given[0] == FUNCTION:
            base = f"{place[0]}.{self.modules[place[0]].functions[given[1]].name}"
        elif given[0] == JOIN:
            named = (one for one in given[1:] if one != node and nodes[one][0] in (NAME, ATTR))
            base = next(filter(None, (self.dotted(place, one) for one in named)), "")
        return ".".join([base, *reversed(parts)]) if base else ""

    def absolute(self, place: Place, name: str) -> str:
        """What a free name means: an import, a definition of the file, or a built-in."""
        module = self.modules[place[0]]
        imported = module.imports.get(name)
        if imported is not None:
            return imported
        scope = self[place].parent
        while scope > 0:
            owner = module.functions[scope]
            if owner.kind == "function" and name in owner.names:
                inner = owner.nodes[owner.names[name][-1]]
                defined = inner[0] == FUNCTION
                return f"{place[0]}.{module.functions[inner[1]].name}" if defined else ""
            scope = owner.parent
        if name not in module.functions[0].names:
            return f"builtins.{name}"
        return other_name(module, name) or f"{place[0]}.{name}"

    def values(self, place: Place, name: str) -> Iterator[tuple[Place, int]]:
        """The nodes that a free name may be, in the functions around this one and the module."""
        module = self.modules[place[0]]
        scope = self[place].parent
        while scope >= 0:
            owner = module.functions[scope]
            if owner.kind != "class" and name in owner.names:
                for node in owner.names[name]:
                    yield (place[0], scope), node
                return
            scope = owner.parent

    def bound(self, place: Place, name: str) -> Iterator[tuple[Place, int]]:
        """The nodes that a free name may be, of a variable that is imported as well."""
        yield from self.values(place, name)
        yield from self._imported(self.modules[place[0]].imports.get(name, ""))

    def _imported(self, dotted: str, depth: int = 0) -> Iterator[tuple[Place, int]]:
        """The nodes that a variable of a module of the project is bound to, through re-exports."""
        head, _, name = dotted.rpartition(".")
        module = self.modules.get(head)
        if module is None or dotted in self.modules or depth > _LONGEST_CHAIN:
            return
        bound = module.functions[0].names.get(name, ())
        for node in bound:
            yield (head, 0), node
        renamed = module.imports.get(name) if not bound else None
        if renamed is not None and renamed != dotted:
            yield from self._imported(renamed, depth + 1)

    def bases(self, cls: Place) -> tuple[str, ...]:
        """The names of what a class names as its bases; empty where one has no name."""
        known: tuple[str, ...] | None = self.memo.get(("bases", cls))
        if known is None:
            body = self[cls]
            outer = (cls[0], body.parent)
            known = tuple(self.dotted(outer, one) for one in body.bases)
            self.memo["bases", cls] = known
        return known

    def ancestry(self, cls: Place) -> tuple[tuple[Place | None, str], ...]:
        """The class and its ancestors: those of the project as places, all others by name."""
        known: tuple[tuple[Place | None, str], ...] | None = self.memo.get(("ancestry", cls))
        if known is None:
            known = self.memo["ancestry", cls] = tuple(self._ancestry(cls))
        return known

    def _ancestry(self, cls: Place) -> Iterator[tuple[Place | None, str]]:
        seen: set[Any] = set()
        waiting: list[tuple[Place | None, str]] = [(cls, f"{cls[0]}.{self[cls].name}")]
        while waiting:
            place, name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            yield place, name
            if place is not None:
                for base in self.bases(place):
                    waiting.append((self.class_of(base), base))

    def class_of(self, dotted: str) -> Place | None:
        """The class of the project that an absolute dotted name means."""
        place = self.found(dotted) if dotted else None
        return place if place is not None and self[place].kind == "class" else None

    def member(self, cls: Place, name: str) -> Place | None:
        """The method or inner class `name` of a class, its own or inherited."""
        for place, _ in self.ancestry(cls):
            if place is not None and name in self.members[place]:
                return self.members[place][name]
        return None

    @cached_property
    def children(self) -> dict[Place, list[Place]]:
        """The classes of the project that name a class as their base."""
        found: dict[Place, list[Place]] = defaultdict(list)
        for place, function in self.functions():
            for base in self.parents(place) if function.kind == "class" else ():
                found[base].append(place)
        return found

    def parents(self, cls: Place) -> list[Place]:
        """What of the project a class names as its bases."""

        def work() -> list[Place]:
            places = (self.found(base) for base in self.bases(cls) if base)
            return [place for place in places if place is not None]

        return self.remembered(("parents", *cls), work)

    def overriding(self, cls: Place, name: str, limit: int = _MOST_OVERRIDING) -> list[Place]:
        """The methods `name` of the class's descendants."""
        found: list[Place] = []
        waiting = list(self.children.get(cls, ()))
        seen: set[Place] = set()
        while waiting and len(found) < limit:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                if name in self.members[one]:
                    found.append(self.members[one][name])
                waiting += self.children.get(one, ())
        return found

    def owner(self, place: Place) -> Place | None:
        """The class whose method this is."""
        function = self[place]
        scope = function.parent
        if scope >= 0 and self.modules[place[0]].functions[scope].kind == "class":
            return place[0], scope
        return None


class Part:
    """The functions, calls and stores of one module."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.calls = calls_of(module)

    @cached_property
    def stores(self) -> dict[str, list[AnyStore]]:
        return stores_of(self.module)

    def functions(self) -> Iterator[tuple[Place, Function]]:
        for index, function in enumerate(self.module.functions):
            yield (self.module.name, index), function


def calls_of(module: Module) -> dict[str, list[Call]]:
    """The calls of one module by the last part of the callee's name, as `Names.calls` has them."""
    found: dict[str, list[Call]] = defaultdict(list)
    for index, function in enumerate(module.functions):
        for at, node in enumerate(function.nodes):
            if node[0] == CALL:
                short = _short(module, function, node[1])
                if function.nodes[node[1]][0] == NAME:
                    meant = module.imports.get(short) or other_name(module, short)
                    short = meant.rpartition(".")[2] or short
                if short:
                    found[short].append((module.name, index, at))
    return found


def other_name(module: Module, name: str) -> str:
    """What a variable of a module is another name of: `loads = pickle.loads`; else empty."""
    body = module.functions[0]
    bound = body.names.get(name, ())
    given: Node = body.nodes[bound[0]] if len(bound) == 1 else (NAME, "")
    parts: list[str] = []
    while given[0] == ATTR:
        parts.append(given[2])
        given = body.nodes[given[1]]
    imported = module.imports.get(given[1]) if given[0] == NAME else None
    return ".".join([imported, *reversed(parts)]) if imported and parts else ""


def stores_of(module: Module) -> dict[str, list[AnyStore]]:
    """The stores of one module to attributes, by their names."""
    found: dict[str, list[AnyStore]] = defaultdict(list)
    for index, function in enumerate(module.functions):
        for base, attribute, value, link in function.stores:
            found[attribute].append((module.name, index, base, value, link))
    return found


def is_public(module: str) -> bool:
    """No part of the module's name begins with `_`."""
    return "._" not in f".{module}"


def offered_by(module: Module) -> set[str]:
    """What a package's `__init__` imports or binds, by absolute names; of other modules nothing."""
    if not module.path.endswith("__init__.py"):
        return set()
    return {f"{module.name}.{name}" for name in module.functions[0].names} | {
        *module.imports.values()
    }


def _short(module: Module, function: Function, node: int) -> str:
    given = function.nodes[node]
    if given[0] == ATTR:
        return str(given[2])
    if given[0] == NAME:
        return str(given[1])
    if given[0] != FUNCTION:
        return ""
    name: str = module.functions[given[1]].name
    return name.rpartition(".")[2]
