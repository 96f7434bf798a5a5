"""A program that writes down what each of its answers was read from.

`remembered` runs a piece of work and keeps, beside what it answers, every fact that was looked at
on the way. A fact is a tuple:

- `(module, index)`: a function, but for where its lines are; `("places", module, index)`: those;
- `("name", module, name)`: what the body of a module binds a name to. It and the number of its
  nodes are no part of `(module, 0)`, since each new function adds to them; `("whole", module)`:
  they are looked at from the first to the last;
- `("import", module, name)`: what a module imports under a name;
- `("inside", module, index)`: which functions stand in a class;
- `("named" | "methods" | "calls" | "stores" | "exported" | "offered" |
  "children", key)`: an entry of an index;
- `("callers", module, index)`: the calls that may mean a function;
- `("all", kind)`: an index, or the imports of all modules, as a whole.

Whatever looks at a program goes through these containers, so nothing that an answer depends on is
forgotten, whoever asks and for whatever reason.
"""

from array import array
from collections.abc import Callable, Iterator
from typing import Any

from probatum.taint.flow import Function, Module
from probatum.taint.names import Answer, Place
from probatum.taint.program import Program

Fact = tuple[Any, ...]
Entry = tuple[tuple[Any, ...], Any, "array[int]"]  # key, answer, the numbers of facts


class Recording(Program):
    """A program that records. `entries` are its answers, `facts` the number of each fact."""

    def __init__(self, modules: list[Module]) -> None:
        self.seen: set[Fact] = set()
        self.facts: dict[Fact, int] = {}
        self.entries: list[Entry] = []
        super().__init__(modules)
        _ = (
            self.calls,
            self.stores,
            self.exported,
            self.offered,
        )  # made before anything is watched
        self.modules = {module.name: self._watched(module) for module in modules}
        self.named = _Watched(self, "named", self.named)
        self.methods = _Watched(self, "methods", self.methods)
        self.members = _Inside(self, self.members)
        self._inside_of = _Inside(self, self._inside_of)
        for name in ("calls", "stores"):
            setattr(self, name, _Watched(self, name, getattr(self, name)))
        self.exported = _Members(self, "exported", self.exported)
        self.offered = _Members(self, "offered", self.offered)
        self.memo = {}
        self.children = _Watched(self, "children", self.children)  # of answers with their facts
        self.memo = {}

    def __getitem__(self, place: Place) -> Function:
        return self.modules[place[0]].functions[place[1]]

    def remembered(self, key: tuple[Any, ...], work: Callable[[], Answer]) -> Answer:
        seen, memo = self.seen, self.memo
        self.seen, self.memo = set(), {}  # a kept answer would hide what it was read from
        try:
            answer = work()
            known = self.facts
            facts = array("I", [known.setdefault(one, len(known)) for one in self.seen])
        finally:
            self.seen, self.memo = seen, memo
        self.entries.append((key, answer, facts))
        return answer

    def rests_on(self, fact: Fact) -> None:
        self.seen.add(fact)

    def _watched(self, module: Module) -> Module:
        functions = _Functions(self, module.name, module.functions)
        imports = _Imports(self, module.name, module.imports)
        return Module(module.name, module.path, functions, imports, module.shipped)


class _Functions(list[Function]):
    def __init__(self, program: Recording, module: str, functions: list[Function]) -> None:
        super().__init__(functions)
        self.program, self.module = program, module
        self.places = [(module, index) for index in range(len(functions))]
        for place, function in zip(self.places, functions, strict=True):
            function.places = _Places(program, place, function.places)
        functions[0].nodes = _Nodes(program, module, functions[0].nodes)
        functions[0].names = _Bound(program, module, functions[0].names)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, int) and at >= 0:
            self.program.seen.add(self.places[at])
            return list.__getitem__(self, at)
        self.program.seen.update(self.places)
        return list.__getitem__(self, at)

    def __iter__(self) -> Iterator[Function]:
        self.program.seen.update(self.places)
        return super().__iter__()


class _Places(list[int]):
    def __init__(self, program: Recording, place: Place, places: list[int]) -> None:
        super().__init__(places)
        self.program, self.fact = program, ("places", *place)

    def __getitem__(self, at: Any) -> Any:
        self.program.seen.add(self.fact)
        return list.__getitem__(self, at)

    def __iter__(self) -> Iterator[int]:
        self.program.seen.update((self.fact, ("whole", self.fact[1])))
        return super().__iter__()


class _Nodes(list[Any]):
    """The nodes of a module's body: each is a part of it, how many there are is not."""

    def __init__(self, program: Recording, module: str, nodes: list[Any]) -> None:
        super().__init__(nodes)
        self.program, self.fact = program, ("whole", module)

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, int) or at < 0:
            self.program.seen.add(self.fact)
        return list.__getitem__(self, at)

    def __iter__(self) -> Iterator[Any]:
        self.program.seen.add(self.fact)
        return super().__iter__()

    def __contains__(self, node: object) -> bool:
        self.program.seen.add(self.fact)
        return super().__contains__(node)

    def __len__(self) -> int:
        self.program.seen.add(self.fact)
        return super().__len__()


class _Watched(dict[Any, Any]):
    """An index of which each entry is a fact, and the whole of it one more."""

    def __init__(self, program: Recording, kind: str, held: dict[Any, Any]) -> None:
        super().__init__(held)
        self.program, self.kind = program, kind

    def fact(self, key: Any) -> Fact:
        return self.kind, key

    def whole(self) -> None:
        self.program.seen.add(("all", self.kind))

    def get(self, key: Any, default: Any = None) -> Any:
        self.program.seen.add(self.fact(key))
        return dict.get(self, key, default)

    def __getitem__(self, key: Any) -> Any:
        self.program.seen.add(self.fact(key))
        return dict.__getitem__(self, key)

    def __contains__(self, key: object) -> bool:
        self.program.seen.add(self.fact(key))
        return dict.__contains__(self, key)

    def __iter__(self) -> Iterator[Any]:
        self.whole()
        return super().__iter__()

    def items(self) -> Any:
        self.whole()
        return super().items()

    def keys(self) -> Any:
        self.whole()
        return super().keys()

    def values(self) -> Any:
        self.whole()
        return super().values()


class _Imports(_Watched):
    """What a module imports, by the names it binds."""

    def __init__(self, program: Recording, module: str, held: dict[str, str]) -> None:
        super().__init__(program, "import", held)
        self.module = module

    def fact(self, key: Any) -> Fact:
        return "import", self.module, key


class _Bound(_Watched):
    """What the body of a module binds, by the names."""

    def __init__(self, program: Recording, module: str, held: dict[str, list[int]]) -> None:
        super().__init__(program, "name", held)
        self.module = module

    def fact(self, key: Any) -> Fact:
        return "name", self.module, key

    def whole(self) -> None:
        self.program.seen.add(("whole", self.module))


class _Inside(_Watched):
    """What stands in a class, by the class; nothing in one that is not known."""

    def __init__(self, program: Recording, held: dict[Place, Any]) -> None:
        super().__init__(program, "inside", held)

    def fact(self, key: Any) -> Fact:
        return ("inside", *key)

    def __missing__(self, key: Any) -> Any:
        return {}

    def __getitem__(self, key: Any) -> Any:
        self.program.seen.add(self.fact(key))
        return self.get(key, {})


class _Members(set[str]):
    """A set of which each membership is a fact."""

    def __init__(self, program: Recording, kind: str, held: set[str]) -> None:
        super().__init__(held)
        self.program, self.kind = program, kind

    def __contains__(self, key: object) -> bool:
        self.program.seen.add((self.kind, key))
        return set.__contains__(self, key)

    def __iter__(self) -> Iterator[str]:
        self.program.seen.add(("all", self.kind))
        return super().__iter__()
