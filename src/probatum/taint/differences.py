"""What of a module is a fact for the rest of a project, and which facts differ after a change."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from probatum.taint.bodies import shape
from probatum.taint.flow import Function, Module
from probatum.taint.names import Place, calls_of, is_public, offered_by, stores_of
from probatum.taint.recording import Fact

Rows = dict[str, list[Any]]
Shapes = list[tuple[bytes, list[int]]]


def differences(old: Module, new: Module, shapes: tuple[Shapes, Shapes]) -> set[Fact]:
    """The facts of a module, and its shares in the indexes, that are not what they were.

    `shapes`: of each function of both its content, and where its lines are.
    """
    name = old.name
    facts: set[Fact] = set()
    before, after = shapes
    for at in range(1, max(len(before), len(after))):
        one, other = before[at : at + 1], after[at : at + 1]
        if [body for body, _ in one] != [body for body, _ in other]:
            facts.add((name, at))
        if one != other:
            facts.add(("places", name, at))
    if before[0] != after[0]:
        facts |= _of_bodies(name, old.functions[0], new.functions[0])
    facts |= {("import", name, key) for key in _unlike(old.imports, new.imports)}
    facts |= {("inside", *key) for key in _unlike(_inside(old), _inside(new))}
    for kind, share in INDEXES.items():
        facts |= {(kind, key) for key in _unlike(share(old), share(new))}
    return facts


def _of_bodies(module: str, old: Function, new: Function) -> set[Fact]:
    """Of the body of a module, to which functions may only have been added."""
    facts: set[Fact] = {("whole", module)}
    facts |= {("name", module, name) for name in _unlike(old.names, new.names)}
    size = len(old.nodes)
    if shape(replace(old, names={})) != shape(replace(new, names={}, nodes=new.nodes[:size])):
        facts.add((module, 0))
    if new.places[: len(old.places)] != old.places:
        facts.add(("places", module, 0))
    return facts


def _unlike(old: dict[Any, Any], new: dict[Any, Any]) -> set[Any]:
    return {key for key in {**old, **new} if old.get(key) != new.get(key)}


def _named(module: Module) -> Rows:
    found: Rows = defaultdict(list)
    for at, one in enumerate(module.functions):
        if at:
            found[f"{module.name}.{one.name}"].append((module.name, at))
    return found


def _inside(module: Module) -> dict[Place, list[tuple[str, int]]]:
    found: dict[Place, list[tuple[str, int]]] = defaultdict(list)
    for at, one in enumerate(module.functions):
        if one.parent >= 0 and module.functions[one.parent].kind == "class":
            found[module.name, one.parent].append((one.name, at))
    return found


def _methods(module: Module) -> Rows:
    found: Rows = defaultdict(list)
    for members in _inside(module).values():
        for name, at in members:
            if module.functions[at].kind == "function":
                found[name.rpartition(".")[2]].append((module.name, at))
    return found


def _exported(module: Module) -> Rows:
    targets = module.imports.values() if is_public(module.name) else ()
    return {target: [(module.name,)] for target in targets}


def _offered(module: Module) -> Rows:
    return {name: [(module.name,)] for name in offered_by(module)}


INDEXES: dict[str, Callable[[Module], Rows]] = {
    "named": _named,
    "methods": _methods,
    "calls": calls_of,
    "stores": stores_of,
    "exported": _exported,
    "offered": _offered,
}
"""A module's share in each index of `Names`: rows that begin with its name."""
