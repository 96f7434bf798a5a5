"""Types the values of a project, and says which functions each call may mean."""

from collections.abc import Iterable, Iterator

from probatum.taint.flow import (
    ATTR,
    CALL,
    CAUGHT,
    EACH,
    FUNCTION,
    ITEM,
    JOIN,
    MATH,
    NAME,
    PARAM,
    PART,
    Module,
    Node,
)
from probatum.taint.names import Call, Names, Place, Store
from probatum.taint.rules import returned_types

__all__ = ["Call", "Meaning", "Place", "Program", "Store"]

_DEEPEST_TYPE, _DEEPEST_CALLEE, _MOST_ALTERNATIVES = 8, 6, 4


class Meaning:
    """What a callee may be: a function or class of the project, or an outside name.

    `receiver` is the node of what a method is called on, -1 if it is no method.
    """

    __slots__ = ("function", "outside", "receiver")

    def __init__(
        self, function: Place | None = None, outside: str = "", receiver: int = -1
    ) -> None:
        self.function = function
        self.outside = outside
        self.receiver = receiver


class Program(Names):
    """All modules of one project, linked."""

    def __init__(self, modules: list[Module]) -> None:
        super().__init__(modules)

    # Types

    def type_of(self, place: Place, node: int, depth: int = 0) -> str:
        """The class of a value as an absolute dotted name; empty where nothing says it."""
        if depth > _DEEPEST_TYPE or node < 0:
            return ""
        key = (place, node, depth)  # by depth: what is asked first must not decide the answer
        known: str | None = self.memo.get(key)
        if known is None:
            known = self.memo[key] = self._type(place, node, depth + 1)
        return known

    def _type(self, place: Place, node: int, depth: int) -> str:
        given = self[place].nodes[node]
        kind = given[0]
        if kind == PARAM:
            return self._parameter_type(place, given[1])
        if kind == CALL:
            return self._result_type(place, given, depth)
        if kind == ATTR:
            return self._field_type(place, given, depth)
        if kind == JOIN:
            return self._first_type([(place, one) for one in given[1:]], depth)
        if kind == NAME:
            return self._first_type(self.bound(place, given[1]), depth)
        if kind == MATH:  # `path / name` is a path
            return self.type_of(place, given[2], depth) if given[1] == "Div" else ""
        if kind in (EACH, ITEM, PART):
            return _element(self.type_of(place, given[1], depth))
        return str(given[1]) if kind == CAUGHT else ""

    def _first_type(self, values: Iterable[tuple[Place, int]], depth: int) -> str:
        types = (self.type_of(where, value, depth) for where, value in values)
        return next(filter(None, types), "")

    def _parameter_type(self, place: Place, position: int) -> str:
        function = self[place]
        if position >= len(function.parameters):
            return ""
        name = function.parameters[position]
        said = function.annotations.get(name, "")
        if said:
            return self.annotated(place, said)
        owner = self.owner(place)
        if owner is not None and position == 0 and name in ("self", "cls"):
            return f"{owner[0]}.{self[owner].name}"
        return ""

    def annotated(self, place: Place, said: str) -> str:
        """An annotation's text as an absolute name, of `Optional[X]` and the like the X."""
        said = said.strip("'\" ")
        head, bracket, inner = said.partition("[")
        if bracket:
            held = self._held(place, head.rpartition(".")[2], inner.removesuffix("]"))
            if held is not None:
                return held
        elif "|" in said:
            return self.annotated(place, said.partition("|")[0])
        first, dot, rest = head.strip().partition(".")
        base = self.absolute(place, first) if first else ""
        return f"{base}{dot}{rest}" if base else ""

    def _held(self, place: Place, short: str, inner: str) -> str | None:
        """The type of `Optional[inner]`, `list[inner]`…; None where the head alone says it."""
        if short in _TRANSPARENT:
            for one in _split(inner):
                if one and one not in ("None", "str"):
                    return self.annotated(place, one)
            return "builtins.str" if "str" in inner else ""
        if short in _CONTAINERS:
            return f"{short}[{self.annotated(place, _split(inner)[-1])}]"
        return None

    def _result_type(self, place: Place, given: Node, depth: int) -> str:
        for meaning in self.meanings(place, given[1], depth):
            if meaning.function is None:
                return _outside_type(meaning.outside)
            said = self._answer_type(meaning.function, depth)
            if said:
                return said
        return ""

    def _answer_type(self, place: Place, depth: int) -> str:
        """The type of what calling a class or function of the project gives."""
        called = self[place]
        if called.kind == "class":
            return f"{place[0]}.{called.name}"
        if called.returns:
            return self.annotated(place, called.returns)
        return self._first_type([(place, value) for value, _ in called.exits[:3]], depth)

    def _field_type(self, place: Place, given: Node, depth: int) -> str:
        base = self.type_of(place, given[1], depth)
        cls = self.class_of(base)
        if cls is None and not base:
            cls = self.class_of(self.dotted(place, given[1]))  # a field of the class itself
        if cls is None:
            shared = self._shared_type(place, given, depth)
            return shared or (f"{base}.{given[2]}" if base else "")
        for ancestor, _ in self.ancestry(cls):
            said = self._own_field_type(ancestor, given[2], depth) if ancestor is not None else ""
            if said:
                return said
        return ""

    def _shared_type(self, place: Place, given: Node, depth: int) -> str:
        """The type of what an application keeps for all its handlers: `g.x`, `app.state.x`."""
        if not self._is_shared(place, given[1]):
            return ""
        kept = [
            ((module, index), value)
            for module, index, base, value, _ in self.stores.get(given[2], ())
            if self._is_shared((module, index), base)
        ]
        return self._first_type(kept[:_MOST_ALTERNATIVES], depth)

    def _is_shared(self, place: Place, node: int) -> bool:
        """The object on which a framework lets an application keep things."""
        given = self[place].nodes[node]
        if given[0] == ATTR:
            return bool(given[2] == "state")
        return given[0] == NAME and self.dotted(place, node) in _SHARED

    def _own_field_type(self, cls: Place, name: str, depth: int) -> str:
        """The type of a field as the class says it: annotated, a property's, of what is stored."""
        said = self[cls].annotations.get(name)
        if said:
            return self.annotated((cls[0], self[cls].parent), said)
        member = self.members[cls].get(name)
        if member is not None and self[member].decorators and self[member].returns:
            return self.annotated(member, self[member].returns)
        return self._first_type(self._kept_whole(cls, name), depth)

    def _kept_whole(self, cls: Place, name: str) -> Iterator[tuple[Place, int]]:
        """What is kept in a field itself, and not in it under a key."""
        for where, value, _ in self.kept(cls, name):
            if not any(filled == value for _, _, filled in self[where].fills):
                yield where, value

    def kept(self, cls: Place, name: str) -> Iterator[tuple[Place, int, int]]:
        """What the methods of a class keep in `self.name`: function, value node, link.

        Also in an object that they make, as class methods that read a saved state do, and what a
        constructor gives by that name to a base of another project, as those of records keep it.
        """
        for where, base, value, link in self.stored(cls).get(name, ()):
            given = self[where].nodes[base]
            made = given[0] == CALL and self[where].nodes[given[1]][:2] == (PARAM, 0)
            if made or given[:2] == (PARAM, 0):
                yield where, value, link
        yield from self.handed_up(cls).get(name, ())

    def handed_up(self, cls: Place) -> dict[str, list[tuple[Place, int, int]]]:
        """What the constructor of a class gives by name to one that is no part of the project."""
        known: dict[str, list[tuple[Place, int, int]]] | None = self.memo.get(("handed", cls))
        if known is None:
            known = self.memo["handed", cls] = {}
            where = self.members[cls].get("__init__")
            if where is not None:
                self._hand_up(where, known)
        return known

    def _hand_up(self, where: Place, found: dict[str, list[tuple[Place, int, int]]]) -> None:
        for call in self._of_base(where):
            under = self[where].under.get(call, -1)
            link = under if isinstance(under, int) else -1
            for keyword, value in self[where].nodes[call][3]:
                if keyword:
                    found.setdefault(keyword, []).append((where, value, link))

    def _of_base(self, place: Place) -> Iterator[int]:
        """The calls `super().__init__(…)` in a constructor whose bases are of other projects."""
        nodes = self[place].nodes
        for at, node in enumerate(nodes):
            callee = nodes[node[1]] if node[0] == CALL else node
            if callee[0] != ATTR or callee[2] != "__init__" or node[0] != CALL:
                continue
            made = nodes[callee[1]]
            above = made[0] == CALL and nodes[made[1]] == (NAME, "super")
            if above and not any(one.function for one in self._of_super(place, callee)):
                yield at

    # Calls

    def meanings(self, place: Place, callee: int, depth: int = 0) -> list[Meaning]:
        """What a callee may be; empty where nothing says it."""
        key = ("meanings", place, callee, depth)
        known: list[Meaning] | None = self.memo.get(key)
        if known is None:
            known = self.memo[key] = self._meanings(place, callee, depth)
        return known

    def _meanings(self, place: Place, callee: int, depth: int) -> list[Meaning]:
        nodes = self[place].nodes
        given = nodes[callee]
        name = self.dotted(place, callee)
        if name:
            found = self.found(name)
            if found is not None:
                return [Meaning(found)]
            if given[0] == ATTR and self.class_of(self.type_of(place, given[1], depth)):
                return self._of_attribute(place, given, depth)
            if given[0] != ATTR or nodes[given[1]][0] in (NAME, ATTR):
                found_outside = Meaning(outside=self.outside(name))
                return self._of_variable(place, given, depth) or [found_outside]
        if given[0] == ATTR:
            return self._of_attribute(place, given, depth)
        if given[0] == FUNCTION:
            return [Meaning((place[0], given[1]))]
        if given[0] == JOIN and depth < _MOST_ALTERNATIVES:
            parts = [one for one in given[1 : 1 + _MOST_ALTERNATIVES] if one != callee]
            return [one for part in parts for one in self.meanings(place, part, depth + 1)]
        return []

    def _of_variable(self, place: Place, given: Node, depth: int) -> list[Meaning]:
        """`client.chat.ask` where `client` is a variable of the module or an enclosing function."""
        if given[0] != ATTR or depth > _DEEPEST_CALLEE:
            return []
        base = self[place].nodes[given[1]]
        while base[0] == ATTR:
            base = self[place].nodes[base[1]]
        if base[0] != NAME or not any(self.bound(place, base[1])):
            return []
        return self._of_attribute(place, given, depth)

    def _of_attribute(self, place: Place, given: Node, depth: int) -> list[Meaning]:
        nodes = self[place].nodes
        base = nodes[given[1]]
        if base[0] == CALL and nodes[base[1]] == (NAME, "super"):
            return self._of_super(place, given)
        said = self.type_of(place, given[1], depth)
        if not said:
            return []
        cls = self.class_of(said)
        if cls is None:
            return [Meaning(outside=f"{said}.{given[2]}", receiver=given[1])]
        member = self.member(cls, given[2])
        found = [member] if member is not None else []
        found += self.overriding(cls, given[2])
        if found:
            return [Meaning(one, receiver=given[1]) for one in found]
        return self._of_outside_base(cls, given)

    def _of_super(self, place: Place, given: Node) -> list[Meaning]:
        """`super().method`: the next ancestor's, as far as the project says who that is."""
        owner = self.owner(place)
        for ancestor, name in self.ancestry(owner) if owner is not None else ():
            if ancestor == owner:
                continue
            if ancestor is None:
                if name:
                    return [Meaning(outside=f"{name}.{given[2]}", receiver=given[1])]
            elif given[2] in self.members[ancestor]:
                return [Meaning(self.members[ancestor][given[2]], receiver=given[1])]
        return []

    def _of_outside_base(self, cls: Place, given: Node) -> list[Meaning]:
        for ancestor, name in self.ancestry(cls):
            if ancestor is None and name:
                return [Meaning(outside=f"{name}.{given[2]}", receiver=given[1])]
        return []


_SHARED = frozenset(["flask.g", "quart.g", "flask.current_app", "quart.current_app"])
_TRANSPARENT = frozenset(["Optional", "Union", "Annotated", "Final", "ClassVar", "Type", "type"])
_CONTAINERS = frozenset(
    [
        "List",
        "Sequence",
        "Iterable",
        "Iterator",
        "Generator",
        "Set",
        "FrozenSet",
        "Tuple",
        "Dict",
        "Mapping",
        "list",
        "set",
        "tuple",
        "dict",
        "frozenset",
        "AsyncIterator",
        "AsyncGenerator",
        "MutableMapping",
        "Collection",
        "deque",
        "Deque",
    ]
)


def _outside_type(name: str) -> str:
    """The type of what calling an outside name gives: a class's own, or `name()`."""
    known = returned_types().get(name)
    if known or not name:
        return known or ""
    return name if name.rpartition(".")[2][:1].isupper() else f"{name}()"


def _split(inner: str) -> list[str]:
    """The parts between commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(inner):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            parts.append(inner[start:at].strip())
            start = at + 1
    return [*parts, inner[start:].strip()]


def _element(said: str) -> str:
    """The type of what a container holds."""
    head, bracket, inner = said.partition("[")
    return inner.removesuffix("]") if bracket and head in _CONTAINERS else ""
