"""What the conditions in front of a sink prove of the value that reaches it."""

import re
from typing import Any

from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    COMPARE,
    CONST,
    EITHER,
    FAILS,
    HOLDS,
    NAME,
    NOT,
    PACK,
    PARAM,
    PART,
    PARTLY,
    RETURNS,
    WAY,
    Node,
)
from probatum.taint.program import Place, Program
from probatum.taint.rules import words
from probatum.taint.values import ELEMENTS, Leaf, Values

# How far a condition guards: not at all, it is not known whether, wholly.
NONE, UNKNOWN, PROVEN = 0, 1, 2

_MATCHING = ("match", "fullmatch", "search")
_RESOLVING = ("abspath", "realpath", "resolve")
_LONGEST_PATTERN = 200
_DEEPEST_CALL = 3
_ANSWERS = frozenset((COMPARE, NOT, BOTH, EITHER, CALL))


class Guards:
    """Judges conditions: each is a node, and a way: it holds, it fails, or as a call it returned.

    `path` is what of a function's values the sink's value is made of.
    """

    def __init__(self, program: Program, values: Values) -> None:
        self.program = program
        self.values = values

    def level(
        self, place: Place, links: list[int], path: set[Leaf], claim: str
    ) -> tuple[int, str, int]:
        """The strongest of the conditions that hold where the links stand: level, words, place."""
        function = self.program[place]
        best = (NONE, "", 0)
        seen: set[int] = set()
        for link in links:
            while link >= 0 and link not in seen:
                seen.add(link)
                test, way, parent = function.controls[link]
                level = self.judged(place, test, way & WAY, path, claim, 0)
                if way & PARTLY:
                    level = min(level, UNKNOWN)
                if level > best[0]:
                    best = (level, self.values.words(place, test), function.places[test])
                link = parent
        return best

    def judged(
        self, place: Place, test: int, way: int, path: set[Leaf], claim: str, depth: int
    ) -> int:
        """How far a condition guards the values of the path."""
        node = self.program[place].nodes[test]
        kind = node[0]
        if kind == NOT:
            return self.judged(place, node[1], _opposite(way), path, claim, depth)
        if kind == BOTH and way == FAILS and any(self.off(place, one) for one in node[1:]):
            return NONE
        if kind in (BOTH, EITHER):
            levels = [self.judged(place, one, way, path, claim, depth) for one in node[1:]]
            return _together(levels, every=(kind == BOTH) == (way == HOLDS))
        if self.opted(place, test, way):
            return PROVEN
        if not self.touches(place, test, path):
            return NONE
        if kind == COMPARE:
            idle = claim == "no-path-traversal" and self.is_idle(place, node)
            return NONE if idle else self.compared(place, node, way, path)
        if kind == CALL:
            if self.program.short(place, node[1]) in ("any", "all"):
                return self.gathered(place, node, path, claim, depth)
            return self.called(place, node, way, claim, depth)
        inner: Node = self.program[place].nodes[node[1]] if kind == PART else node
        if inner[0] == CALL:  # `is_safe, why = check(x)`
            return self.called(place, inner, way, claim, depth)
        checking = kind == ATTR and any(word in node[2].lower() for word in words("check", claim))
        return UNKNOWN if checking else NONE

    def gathered(self, place: Place, node: Node, path: set[Leaf], claim: str, depth: int) -> int:
        """`any(…)` and `all(…)`: what holds of one element or of each, if that guards at all."""
        nodes = self.program[place].nodes
        parts = [part for one in node[2] if nodes[one][0] == PACK for part in nodes[one][1:]]
        levels = [
            self.judged(place, part, way, path, claim, depth)
            for part in parts
            for way in (HOLDS, FAILS)
        ]
        return min(max(levels, default=NONE), UNKNOWN)

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

    # Comparisons

    def compared(self, place: Place, node: Node, way: int, path: set[Leaf]) -> int:
        _, operator, left, right = node
        nodes = self.program[place].nodes
        constant = nodes[right][0] == CONST or nodes[left][0] == CONST
        if operator in ("is", "is not") or nodes[right] == (CONST, None):
            return NONE
        if constant and (operator, way) in (("==", HOLDS), ("!=", FAILS)):
            return PROVEN if left in path or right in path else NONE
        if operator in ("<", "<=", ">", ">=") or (constant and operator in ("==", "!=")):
            return NONE
        if (operator, way) in (("==", FAILS), ("!=", HOLDS)):
            return NONE  # one value that it is not says nothing of the others
        if _names_a_part(nodes[left]) or _names_a_part(nodes[right]):
            return NONE
        if operator in ("in", "not in"):
            return self.contained(place, node, (operator == "in") == (way == HOLDS), path)
        return UNKNOWN

    def contained(self, place: Place, node: Node, inside: bool, path: set[Leaf]) -> int:
        """`value in these` proves; anything else about membership is not known to."""
        left = node[2]
        if inside and left in path:
            return PROVEN
        if inside and self.program[place].nodes[left][0] == CONST:
            return NONE
        return UNKNOWN if not inside or self.touches(place, left, path) else NONE

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

    # Calls

    def called(self, place: Place, node: Node, way: int, claim: str, depth: int) -> int:
        """How far a call of a value guards: as a predicate, or by returning at all."""
        short = self.program.short(place, node[1])
        checking = any(word in short.lower() for word in words("check", claim))
        body = self.body(place, node) if depth < _DEEPEST_CALL else None
        if body is not None:
            if not checking and way != RETURNS and not self.predicate(body):
                return NONE
            return UNKNOWN if self.inside(body, way, claim, depth) else NONE
        if short == "startswith" and way != RETURNS:
            prefix = node[2][0] if node[2] else -1
            fixed = prefix >= 0 and self.program[place].nodes[prefix][0] == CONST
            return NONE if fixed else UNKNOWN
        if short in words("inert call"):
            return NONE
        if way == RETURNS or short not in (*_MATCHING, "is_relative_to"):
            return UNKNOWN if checking else NONE
        return UNKNOWN if self.stops(place, node, short, way, claim) else NONE

    def body(self, place: Place, node: Node) -> Place | None:
        """The function of the project that a call calls."""
        for meaning in self.program.meanings(place, node[1]):
            called = meaning.function
            if called is not None and self.program[called].kind == "function":
                return called
        return None

    def stops(self, place: Place, node: Node, short: str, way: int, claim: str) -> bool:
        """Whether a test by a pattern stops every attack that is known for the claim."""
        nodes = self.program[place].nodes
        pattern = nodes[node[2][0]] if node[2] else (CONST, None)
        attacks = words("attack", claim)
        if short not in _MATCHING or not attacks or pattern[0] != CONST:
            return True
        if not isinstance(pattern[1], str) or not 0 < len(pattern[1]) <= _LONGEST_PATTERN:
            return True
        try:
            test = getattr(re.compile(pattern[1]), short)
        except (re.error, RecursionError, OverflowError):
            return True
        return not any(bool(test(attack)) == (way == HOLDS) for attack in attacks)

    def predicate(self, place: Place) -> bool:
        """The function answers yes or no."""
        function = self.program[place]
        if function.returns:
            return function.returns == "bool"
        answers = [function.nodes[value] for value, _ in function.exits if value >= 0]
        whole = bool(answers) and len(answers) == len(function.exits)
        return whole and all(node[0] in _ANSWERS or isinstance(node[-1], bool) for node in answers)

    def inside(self, place: Place, way: int, claim: str, depth: int) -> int:
        """Whether a function raises, or answers, by a condition on what it is given."""
        key = ("inside", place, way, claim, depth)
        known: int | None = self.program.memo.get(key)
        if known is None:
            known = self.program.memo[key] = self._inside(place, way, claim, depth + 1)
        return known

    def _inside(self, place: Place, way: int, claim: str, depth: int) -> int:
        function = self.program[place]
        method = self.program.owner(place) is not None
        path: set[Leaf] = {
            at
            for at, node in enumerate(function.nodes)
            if node[0] == PARAM and (node[1] or not method)
        }
        tests: list[tuple[int, int]] = []
        for link in function.raises if way == RETURNS else ():
            tests += [
                (test, _opposite(said)) for test, said in self.program.conditions(place, link)
            ]
        for test, said, _ in function.controls:
            if said & WAY == RETURNS and function.nodes[test][0] == CALL:
                tests.append((test, RETURNS))
        if way != RETURNS:
            for value, link in function.exits:
                decided = (
                    [test for test, _ in self.program.conditions(place, link)] if value >= 0 else []
                )
                tests += [(test, said) for test in decided for said in (HOLDS, FAILS)]
                if value >= 0 and function.nodes[value][0] != CONST:
                    tests.append((value, way))
        return max(
            (self.judged(place, test, said, path, claim, depth) for test, said in tests),
            default=NONE,
        )

    # Switches

    def off(self, place: Place, test: int) -> bool:
        """The condition is a parameter that nobody need give: what it switches on guards no one."""
        function = self.program[place]
        node = function.nodes[test]
        if node[0] == COMPARE and node[1] == "is not" and function.nodes[node[3]] == (CONST, None):
            node = function.nodes[node[2]]
        if node[0] != PARAM or node[1] >= len(function.parameters):
            return False
        return not function.defaults.get(function.parameters[node[1]], True)

    def opted(self, place: Place, test: int, way: int) -> bool:
        """The condition is a switch that is off unless somebody turns it on."""
        function = self.program[place]
        node = function.nodes[test]
        name = ""
        default: Any = ...
        if node[0] == PARAM and node[1] < len(function.parameters):
            name = function.parameters[node[1]]
            default = function.defaults.get(name, ...)
        elif node[0] in (ATTR, NAME):
            name = node[2] if node[0] == ATTR else node[1]
        elif node[0] == CALL:
            if any(self.values.leaves(place, one) for one in node[2]):
                return False
            callee = function.nodes[node[1]]
            name = self.program.short(place, node[1]) if callee[0] in (ATTR, NAME) else ""
            given = [function.nodes[one] for one in node[2]]
            if name == "get" and given and all(one[0] == CONST for one in given):
                name = given[0][1]  # a setting of that name, off where it is not set
                default = given[1][1] if len(given) > 1 else None
        elif node[0] == COMPARE:
            return node[1] in ("is", "==") and self.opted(place, node[2], way)
        chosen = words("opt-in") | (words("opt-in off") if default is False else frozenset())
        if not name or not any(word in str(name).lower() for word in chosen):
            return False
        return default is ... or bool(default) != (way == HOLDS)


def _opposite(way: int) -> int:
    return FAILS if way == HOLDS else HOLDS


def _together(levels: list[int], every: bool) -> int:
    """Of conditions that hold all at once the strongest; of which one holds, what each proves."""
    if every:
        return max(levels)
    return UNKNOWN if max(levels) and min(levels) == NONE else min(levels)


def _names_a_part(node: Node) -> bool:
    """A part of an address or path that says nothing of where it leads."""
    return node[0] == ATTR and node[2] in ("scheme", "netloc", "suffix", "ext")
