"""What a comparison in front of a sink proves of the value that reaches it."""

from typing import Any

from probatum.taint.flow import ATTR, CALL, CONST, FAILS, HOLDS, ITEM, NAME, PACK, PART, Node
from probatum.taint.program import Place, Program
from probatum.taint.rules import words
from probatum.taint.switches import SPELLING, Switches
from probatum.taint.values import ELEMENTS, Leaf, Values

# How far a condition guards: not at all, it is not known whether, wholly.
NONE, UNKNOWN, PROVEN = 0, 1, 2

MATCHING = ("match", "fullmatch", "search", "findall")
_ORDERS = ("<", "<=", ">", ">=")
_SPLITTING = ("split", "rsplit", "partition", "rpartition")
# What a name is parted by, and which part says nothing of where it leads.
_SAYING_NOTHING = ((".", -1), (".", 1), (".", 2), (":", 0), ("://", 0))
_RESOLVING = ("abspath", "realpath", "resolve")


class Comparisons:
    """Judges comparisons; `path` is what of a function's values the sink's value is made of."""

    def __init__(self, program: Program, values: Values) -> None:
        self.program = program
        self.values = values
        self.switches = Switches(program, values)

    def touches(self, place: Place, node: int, path: set[Leaf]) -> bool:
        """A value is made of something on the path, and not only of another field of it."""
        nodes = self.program[place].nodes
        fields = {one[0] for one in path if not isinstance(one, int)}
        seen: set[int] = set()
        waiting = [node]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            leaves = self.values.leaves(place, at, elements=True)
            if leaves & path:
                return True
            for one in leaves:
                base = one if isinstance(one, int) else one[0]
                if nodes[base][0] not in ELEMENTS:
                    continue
                if base in path or (base in fields and isinstance(one, int)):
                    return True
                if base not in fields and base != one:
                    waiting.append(base)  # an element that does not pass: what it was taken of
        return False

    def matched(self, place: Place, node: Node) -> int:
        """The search for a pattern that is asked whether it answered `None`, else -1."""
        nodes = self.program[place].nodes
        _, operator, left, right = node
        asked = operator in ("is", "is not") and nodes[right] == (CONST, None)
        if asked and nodes[left][0] == CALL:
            return left if self.program.short(place, nodes[left][1]) in MATCHING else -1
        return -1

    def compared(self, place: Place, node: Node, way: int, path: set[Leaf], claim: str) -> int:
        _, operator, left, right = node
        nodes = self.program[place].nodes
        constant = any(self.is_constant(place, one) for one in (left, right))
        calls = [one for one in (left, right) if nodes[one][0] == CALL]
        if operator in ("is", "is not") or nodes[right] == (CONST, None):
            return NONE
        if constant and (operator, way) in (("==", HOLDS), ("!=", FAILS)):
            if any(self.program.short(place, nodes[one][1]) == "commonpath" for one in calls):
                return UNKNOWN
            return PROVEN if left in path or right in path else NONE
        if (operator, way) in (("==", FAILS), ("!=", HOLDS)) or operator in _ORDERS:
            return NONE
        if constant and operator in ("==", "!="):
            return NONE
        if any(self.names_a_part(place, one) for one in (left, right)):
            return NONE
        if operator in ("in", "not in"):
            if self.is_of_parents(place, right):
                return UNKNOWN  # `base in path.parents`
            if nodes[right][0] == PACK and self.stands_beside(place, left, path):
                return NONE
            if left not in path and self.is_key(place, left, right):
                return NONE
            inside = (operator == "in") == (way == HOLDS)
            return self.contained(place, node, inside, path, claim)
        return UNKNOWN

    def is_of_parents(self, place: Place, node: int) -> bool:
        """The folders above a path, or a list of them."""
        given = self.program[place].nodes[node]
        while given[0] == CALL and len(given[2]) == 1:
            if self.program.short(place, given[1]) not in ("list", "tuple", "set"):
                return False
            given = self.program[place].nodes[given[2][0]]
        return given[0] == ATTR and bool(given[2] == "parents")

    def is_key(self, place: Place, key: int, held: int) -> bool:
        """A mapping is asked for what is looked for in it: `if name in given: given[name]`."""
        nodes = self.program[place].nodes
        return nodes[key][0] != CONST and (ITEM, held, key) in nodes

    def stands_beside(self, place: Place, node: int, path: set[Leaf]) -> bool:
        """Another part of a tuple than the one on the path: `kind` of `kind, url = parse(x)`."""
        nodes = self.program[place].nodes
        given = nodes[node]
        if given[0] != PART or node in path:
            return False
        parts = (nodes[one] for one in path if isinstance(one, int))
        return any(one[0] == PART and one[1] == given[1] != node for one in parts)

    def contained(self, place: Place, node: Node, inside: bool, path: set[Leaf], claim: str) -> int:
        """`value in these` proves; anything else about membership is not known to."""
        left = node[2]
        if inside and left in path:
            return PROVEN
        sought = self.program[place].nodes[left]
        if sought[0] == CONST and (inside or self.is_harmless(sought[1], claim)):
            return NONE
        return UNKNOWN if not inside or self.touches(place, left, path) else NONE

    def is_constant(self, place: Place, node: int) -> bool:
        """A constant, or what PEP 8 has called like one."""
        given = self.program[place].nodes[node]
        named = given[0] in (ATTR, NAME) and self.program.short(place, node).isupper()
        return named or given[0] == CONST

    def is_harmless(self, refused: Any, claim: str) -> bool:
        """What is refused occurs in none of the attacks that are known for the claim."""
        attacks = words("attack", claim)
        named = isinstance(refused, str) and refused != ""
        return named and bool(attacks) and not any(refused in attack for attack in attacks)

    def is_idle(self, place: Place, node: Node) -> bool:
        """`..` is looked for in a path that is resolved already, where none is left."""
        nodes = self.program[place].nodes
        sought, held = nodes[node[2]], nodes[node[3]]
        while held[0] == ATTR or (held[0] == CALL and len(held[2]) == 1):
            short = self.program.short(place, held[1]) if held[0] == CALL else ""
            if held[0] == CALL and short != "str":
                break
            held = nodes[held[1] if held[0] == ATTR else held[2][0]]
        resolved = held[0] == CALL and self.program.short(place, held[1]) in _RESOLVING
        dots = sought[0] == CONST and str(sought[1]).strip("/") == ".."
        return resolved and dots and node[1] in ("in", "not in")

    def names_a_part(self, place: Place, node: int) -> bool:
        """A part of an address or name that says nothing of where it leads: scheme, extension."""
        nodes = self.program[place].nodes
        given = nodes[node]
        taken: Any = None
        while given[0] in (CALL, ITEM, PART):  # `name.rsplit(".", 1)[-1].lower()`
            if given[0] != CALL:
                taken = given[2] if given[0] == PART else nodes[given[2]][-1]
                given = nodes[given[1]]
                continue
            short = self.program.short(place, given[1])
            if short == "splitext":
                return bool(taken == 1)
            if short in _SPLITTING:
                split = nodes[given[2][0]][-1] if given[2] else None
                return (split, taken) in _SAYING_NOTHING
            callee = nodes[given[1]]
            if callee[0] != ATTR or short not in SPELLING:
                return False
            given = nodes[callee[1]]
        return given[0] == ATTR and given[2] in ("scheme", "netloc", "suffix", "ext")
