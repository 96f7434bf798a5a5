"""What a value is made of within its function, and how a reader would write it."""

from typing import Any

from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    COMPARE,
    CONST,
    EACH,
    EITHER,
    FUNCTION,
    ITEM,
    JOIN,
    NAME,
    NOT,
    PACK,
    PARAM,
    PART,
    Node,
    operands,
)
from probatum.taint.program import Place, Program

Leaf = int | tuple[int, Any]  # a node, or (node of a parameter or loop's element, field)
ELEMENTS = (EACH, PART)

_MOST_LEAVES = 200
_DEEPEST_WORDS = 4
_UNSAID = "…"


class Values:
    """Answers about values of one program, each worked out once."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def leaves(self, place: Place, node: int, *, elements: bool = False) -> frozenset[Leaf]:
        """Every node that a value is made of, but constants and names; fields of parameters, and
        with `elements` those of what a loop takes out of a container."""
        key = ("leaves", place, node, elements)
        known: frozenset[Leaf] | None = self.program.memo.get(key)
        if known is None:
            nodes = self.program[place].nodes
            known = self.program.memo[key] = frozenset(
                one
                for one in self._made_of(place, node, elements)
                if not isinstance(one, int) or nodes[one][0] not in (CONST, NAME, FUNCTION)
            )
        return known

    def _made_of(self, place: Place, node: int, elements: bool) -> set[Leaf]:
        nodes = self.program[place].nodes
        seen: set[Leaf] = set()
        waiting = [node]
        while waiting and len(seen) < _MOST_LEAVES:
            one = waiting.pop()
            if one in seen or one < 0:
                continue
            seen.add(one)
            field = self.field(place, one)
            if field is not None and (elements or nodes[field[0]][0] == PARAM):
                seen.add(field)
                continue
            for inner in operands(nodes[one]):
                method = nodes[one][0] == CALL and inner == nodes[one][1]
                waiting.append(nodes[inner][1] if method and nodes[inner][0] == ATTR else inner)
        return seen

    def field(self, place: Place, node: int) -> tuple[int, Any] | None:
        """(parameter, name) of `parameter.name`, `parameter["name"]`, `parameter.get("name")`.

        In place of a parameter an element of a container may stand.
        """
        nodes = self.program[place].nodes
        given = nodes[node]
        base, name = -1, None
        if given[0] == ATTR:
            base, name = given[1], given[2]
        elif given[0] == ITEM and nodes[given[2]][0] == CONST:
            base, name = given[1], nodes[given[2]][1]
        elif given[0] == CALL and given[2] and nodes[given[1]][0] == ATTR:
            callee, key = nodes[given[1]], nodes[given[2][0]]
            if callee[2] == "get" and key[0] == CONST:
                base, name = callee[1], key[1]
        if base < 0 or nodes[base][0] not in (PARAM, *ELEMENTS):
            return None
        return base, name

    def parameter(self, place: Place, position: int) -> str:
        """The name of a parameter by its position, `*arguments` and `**keywords` behind all."""
        function = self.program[place]
        names = (*function.parameters, function.variadic, function.keywords)
        return names[position] if position < len(names) else ""

    def is_keywords(self, place: Place, node: int) -> bool:
        """What a function is given as `**keywords`: a loop over it goes over their names."""
        given = self.program[place].nodes[node]
        keywords = self.program[place].keywords
        return given[0] == PARAM and bool(keywords) and self.parameter(place, given[1]) == keywords

    def before_writing(self, place: Place, node: int) -> Node:
        """What an object was before anything was written into it."""
        nodes = self.program[place].nodes
        while nodes[node][0] == JOIN and nodes[node][1] < node:
            node = nodes[node][1]
        found: Node = nodes[node]
        return found

    def called(self, place: Place, node: int) -> str:
        """How the code calls an object: the name of a variable, attribute or parameter."""
        given = self.program[place].nodes[node]
        if given[0] == PARAM:
            return self.parameter(place, given[1])
        if given[0] in (ATTR, NAME):
            return self.program.short(place, node)
        names = self.program[place].names.items()
        return next((name for name, nodes in names if node in nodes), "")

    def scripts(self, place: Place, node: int) -> tuple[int, ...]:
        """What a list gives a shell as its script: what stands behind `-c`, or all behind `/c`.

        What stands behind the script of `-c` are its arguments.
        """
        nodes = self.program[place].nodes
        given = nodes[node][1:]
        for at, one in enumerate(given):
            if nodes[one] == (CONST, "-c"):
                return tuple(given[at + 1 : at + 2])
            if nodes[one] == (CONST, "/c"):
                return tuple(given[at + 1 :])
        return ()

    def of_shell(self, place: Place, node: int) -> bool:
        """A list in which `-c` or `/c` stands: the arguments of a shell that is given a script."""
        nodes = self.program[place].nodes
        given = nodes[node]
        scripts = ((CONST, "-c"), (CONST, "/c"))
        return given[0] == PACK and any(nodes[one] in scripts for one in given[1:])

    def name(self, place: Place, node: int) -> str:
        """The name that a node bears: of a parameter, variable, attribute or callee; else empty."""
        given = self.program[place].nodes[node]
        if given[0] == PARAM:
            return self.parameter(place, given[1])
        return self.program.short(place, given[1] if given[0] == CALL else node)

    def words(self, place: Place, node: int, depth: int = 0) -> str:
        """A value as a reader would write it, roughly."""
        if depth > _DEEPEST_WORDS:
            return _UNSAID
        given = self.program[place].nodes[node]
        kind = given[0]
        if kind == PARAM:
            return self.parameter(place, given[1])
        if kind == CONST:
            return repr(given[1])
        if kind == NAME:
            return str(given[1])
        if kind == FUNCTION:
            return str(self.program.modules[place[0]].functions[given[1]].name)
        parts = [self.words(place, one, depth + 1) for one in operands(given)]
        return _composed(given, parts)


def _composed(given: Any, parts: list[str]) -> str:
    """The words of a node that is made of others, given theirs."""
    kind = given[0]
    if kind == ATTR:
        return f"{parts[0]}.{given[2]}"
    if kind == CALL:
        return f"{parts[0]}({', '.join(parts[1 : 1 + len(given[2])])})"
    if kind == COMPARE:
        return f"{parts[0]} {given[1]} {parts[1]}"
    if kind == NOT:
        return f"not {parts[0]}"
    if kind in (BOTH, EITHER):
        return (" and " if kind == BOTH else " or ").join(parts)
    if kind in (ITEM, PART):
        return f"{parts[0]}[{_UNSAID}]"
    if kind == JOIN and parts:
        return parts[0]
    return f"[{_UNSAID}]" if kind == PACK else _UNSAID
