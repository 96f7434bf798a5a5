"""What the conditions in front of a sink prove of the value that reaches it."""

import re
from collections.abc import Callable, Iterable
from functools import cache

from probatum.taint.comparisons import MATCHING, NONE, PROVEN, UNKNOWN
from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    COMPARE,
    CONST,
    EITHER,
    FAILS,
    HOLDS,
    JOIN,
    NOT,
    PACK,
    PARAM,
    PART,
    PARTLY,
    RETURNS,
    WAY,
    Node,
)
from probatum.taint.patterns import Patterns
from probatum.taint.program import Place
from probatum.taint.rules import words
from probatum.taint.switches import opposite
from probatum.taint.values import Leaf

# What a value begins with that says where it leads: a folder, a host.
_WHOLE_PREFIX = {
    "no-path-traversal": re.compile(r"(?s)/.*/$"),
    "no-request-forgery": re.compile(r"\w+://[^/@]+/"),
}
_DEEPEST_CALL = 3
_OBJECTS = (("self",), ("cls",))
_ANSWERS = frozenset((COMPARE, NOT, BOTH, EITHER, CALL))


class Guards(Patterns):
    """Judges conditions: each is a node, and a way: it holds, it fails, or as a call it returned.

    `path` is what of a function's values the sink's value is made of.
    """

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

    def path(self, place: Place, nodes: Iterable[int]) -> set[Leaf]:
        """What a value is made of on its way through these nodes, the first the farthest back."""
        path: set[Leaf] = set()
        for node in nodes:
            field = self.values.field(place, node)
            if field is not None:
                path.add(field)
                path.discard(field[0])
            path.add(node)
        return path

    def judged(
        self, place: Place, test: int, way: int, path: set[Leaf], claim: str, depth: int
    ) -> int:
        """How far a condition guards the values of the path."""
        node = self.program[place].nodes[test]
        kind = node[0]
        if kind == NOT:
            return self.judged(place, node[1], opposite(way), path, claim, depth)
        if kind == BOTH and way == FAILS and any(self.switches.off(place, one) for one in node[1:]):
            return NONE
        if kind in (BOTH, EITHER):
            every = (kind == BOTH) == (way == HOLDS)
            parts = node[1:]
            if not every:  # an attacker's value is one that passes by the other conditions
                parts = [one for one in parts if not self.leaves_nothing(place, one, way, path)]
            levels = [self.judged(place, one, way, path, claim, depth) for one in parts]
            return _together(levels, every) if levels else PROVEN
        if self.switches.opted(place, test, way):
            return PROVEN
        if not self.touches(place, test, path):
            return UNKNOWN if self.lacks(place, node, way, claim) else NONE
        if self.leaves_nothing(place, test, way, path):
            return PROVEN
        if kind == COMPARE:
            matched = self.matched(place, node)
            if matched >= 0:
                asked = way if node[1] == "is not" else opposite(way)
                return self.judged(place, matched, asked, path, claim, depth)
            idle = claim == "no-path-traversal" and self.is_idle(place, node)
            return NONE if idle else self.compared(place, node, way, path, claim)
        if kind == CALL:
            if self.takes_out(place, test, path, claim):
                return NONE
            if self.program.short(place, node[1]) in ("any", "all"):
                return self.gathered(place, node, path, claim, depth)
            return self.called(place, node, way, path, claim, depth)
        inner: Node = self.program[place].nodes[node[1]] if kind == PART else node
        if inner[0] == CALL:  # `is_safe, why = check(x)`
            return self.called(place, inner, way, path, claim, depth)
        checking = kind == ATTR and _may_refuse(node[2], claim)
        return UNKNOWN if checking else NONE

    def lacks(self, place: Place, node: Node, way: int, claim: str) -> bool:
        """The library has no filter of its own: `if hasattr(tarfile, "data_filter")` fails."""
        if claim != "no-archive-traversal" or node[0] != CALL or way != FAILS:
            return False
        asked = [self.program.dotted(place, one) for one in node[2][:1]]
        return self.program.short(place, node[1]) == "hasattr" and asked == ["tarfile"]

    def gathered(self, place: Place, node: Node, path: set[Leaf], claim: str, depth: int) -> int:
        """`any(…)` and `all(…)`: what holds of one element or of each, if that guards at all."""
        nodes = self.program[place].nodes
        parts = [part for one in node[2] if nodes[one][0] == PACK for part in nodes[one][1:]]
        if any(self.refuses_a_part(place, one, claim) for one in parts):
            return UNKNOWN
        levels = [
            self.judged(place, part, way, path, claim, depth)
            for part in parts
            for way in (HOLDS, FAILS)
        ]
        return min(max(levels, default=NONE), UNKNOWN)

    def refuses_a_part(self, place: Place, test: int, claim: str) -> bool:
        """`part == ".."` of each part: what is compared to is an attack by itself."""
        nodes = self.program[place].nodes
        node = nodes[test]
        if node[0] != COMPARE or node[1] not in ("==", "!="):
            return False
        said = [nodes[one][1] for one in node[2:] if nodes[one][0] == CONST]
        return any(one in words("attack", claim) for one in said)

    def leaves_nothing(self, place: Place, test: int, way: int, path: set[Leaf]) -> bool:
        """The condition has the value be empty or None: `if not value`."""
        node = self.program[place].nodes[test]
        if node[0] == NOT:
            return self.leaves_nothing(place, node[1], opposite(way), path)
        if node[0] == COMPARE and self.program[place].nodes[node[3]] == (CONST, None):
            is_none = (node[1], way) in (("is", HOLDS), ("is not", FAILS))
            return is_none and node[2] in path
        return way == FAILS and test in path

    # Calls

    def called(
        self, place: Place, node: Node, way: int, path: set[Leaf], claim: str, depth: int
    ) -> int:
        """How far a call of a value guards: as a predicate, or by returning at all."""
        short = self.program.short(place, node[1])
        checking = self.checks(place, node[1], short, claim)
        body = self.body(place, node) if depth < _DEEPEST_CALL else None
        if body is not None:
            visited = way == RETURNS and self.program[body].raises
            if visited and self.is_checker(place, node[1]):
                return UNKNOWN
            if not checking and way != RETURNS and not self.predicate(body):
                return NONE
            given = self.given(place, node, body, path)
            return UNKNOWN if self.inside(body, way, given, claim, depth) else NONE
        if short == "startswith" and way != RETURNS:
            prefix = self.program[place].nodes[node[2][0]] if node[2] else (CONST, "")
            if prefix[0] != CONST or prefix[1] == "-":
                return UNKNOWN
            whole = _WHOLE_PREFIX.get(claim)
            return UNKNOWN if whole and whole.match(str(prefix[1])) else NONE
        if short in words("inert call") or self.reads_a_type(place, node[1]):
            return NONE
        if way == RETURNS or short not in (*MATCHING, "is_relative_to"):
            return UNKNOWN if checking else NONE
        return UNKNOWN if self.stops(place, node, short, way, claim) else NONE

    def reads_a_type(self, place: Place, callee: int) -> bool:
        """`TypeAdapter(HttpUrl).validate_python`: any address is of such a type of the library."""
        nodes = self.program[place].nodes
        made = nodes[nodes[callee][1]] if nodes[callee][0] == ATTR else nodes[callee]
        if made[0] != CALL or self.program.short(place, made[1]) != "TypeAdapter":
            return False
        return [self.program.dotted(place, one) for one in made[2]][:1] == ["pathlib.Path"] or any(
            self.program.dotted(place, one).startswith("pydantic.") for one in made[2][:1]
        )

    def checks(self, place: Place, callee: int, short: str, claim: str) -> bool:
        """What is called may refuse, by its name or by that of its object's class."""
        library = self.program.dotted(place, callee).partition(".")[0]
        named = _may_refuse(short, claim) or library in words("library of checks")
        return named or self.is_checker(place, callee)

    def is_checker(self, place: Place, callee: int) -> bool:
        """A method of a class of the project whose objects check what they are given."""
        node = self.program[place].nodes[callee]
        typed = self.program.type_of(place, node[1]) if node[0] == ATTR else ""
        short = typed.rpartition(".")[2]
        return _may_refuse(short, "") and self.program.class_of(typed) is not None

    def body(self, place: Place, node: Node) -> Place | None:
        """The function of the project that a call calls."""
        for meaning in self.program.meanings(place, node[1]):
            called = meaning.function
            if called is not None and self.program[called].kind == "function":
                return called
        return None

    def predicate(self, place: Place) -> bool:
        """The function answers yes or no."""
        function = self.program[place]
        if function.returns:
            return function.returns == "bool"
        answers = [function.nodes[value] for value, _ in function.exits if value >= 0]
        whole = bool(answers) and len(answers) == len(function.exits)
        several = [one for one in answers if one[0] == JOIN]  # a flag that is set, or not
        answers += [function.nodes[one] for node in several for one in node[1:]]
        answers = [one for one in answers if one[0] != JOIN]
        return whole and all(node[0] in _ANSWERS or isinstance(node[-1], bool) for node in answers)

    def given(self, place: Place, call: Node, body: Place, path: set[Leaf]) -> frozenset[int]:
        """The parameters of a function that a call gives a value of the path; every one but the
        object itself where that is not seen."""
        parameters = self.program[body].parameters
        shift = int(self.program.owner(body) is not None and tuple(parameters[:1]) in _OBJECTS)
        found = {
            at + shift for at, one in enumerate(call[2]) if self.values.leaves(place, one) & path
        }
        for name, one in call[3]:
            if self.values.leaves(place, one) & path:
                found.add(parameters.index(name) if name in parameters else len(parameters))
        if not found or max(found) >= len(parameters):
            return frozenset(range(shift, len(parameters) + 2))
        return frozenset(found)

    def inside(self, place: Place, way: int, given: frozenset[int], claim: str, depth: int) -> int:
        """Whether a function raises, or answers, by a condition on what it is given."""
        key = ("inside", place, way, given, claim, depth)
        known: int | None = self.program.memo.get(key)
        if known is None:
            known = self.program.memo[key] = self._inside(place, way, given, claim, depth + 1)
        return known

    def _inside(self, place: Place, way: int, given: frozenset[int], claim: str, depth: int) -> int:
        function = self.program[place]
        path: set[Leaf] = {
            at for at, node in enumerate(function.nodes) if node[0] == PARAM and node[1] in given
        }
        tests: list[tuple[int, int]] = []
        for link in function.raises if way == RETURNS else ():
            tests += [(test, opposite(said)) for test, said in self.program.conditions(place, link)]
        for test, said, _ in function.controls:
            if said & WAY == RETURNS and function.nodes[test][0] == CALL:
                tests.append((test, RETURNS))
        if way != RETURNS:
            if any(self.told_of(place, value, path) for value, _ in function.exits):
                return UNKNOWN
            for value, link in function.exits:
                links = [link, *self.chosen(place, value)] if value >= 0 else []
                decided = [test for one in links for test, _ in self.program.conditions(place, one)]
                tests += [(test, said) for test in decided for said in (HOLDS, FAILS)]
                if value >= 0 and function.nodes[value][0] != CONST:
                    tests.append((value, way))
        return max(
            (self.judged(place, test, said, path, claim, depth) for test, said in tests),
            default=NONE,
        )

    def chosen(self, place: Place, value: int) -> list[int]:
        """The conditions by which one of several values is taken: a flag set under an `if`."""
        function = self.program[place]
        links = function.under.get(value, ())
        several = function.nodes[value][0] == JOIN and isinstance(links, tuple)
        return [one for one in links if one >= 0] if several else []

    def told_of(self, place: Place, answer: int, path: set[Leaf]) -> bool:
        """The answer is an attribute of an object that looked at the values: `visitor.found`."""
        nodes = self.program[place].nodes
        given = nodes[answer] if answer >= 0 else (CONST, None)
        return given[0] == ATTR and any(
            node[0] == CALL
            and nodes[node[1]][0] == ATTR
            and nodes[node[1]][1] == given[1]
            and any(self.values.leaves(place, one) & path for one in node[2])
            for node in nodes
        )

    def is_checked(self, place: Place, node: int, claim: str) -> bool:
        """One of the values that are joined is what a function answers that may refuse it."""
        key = ("checked", place, node, claim)
        known: bool | None = self.program.memo.get(key)
        if known is None:
            nodes = self.program[place].nodes
            calls = [nodes[one][1] for one in nodes[node][1:] if nodes[one][0] == CALL]
            known = self.program.memo[key] = any(
                self.checks(place, one, self.program.short(place, one), claim) for one in calls
            )
        return known


def may_refuse(claim: str) -> Callable[[str], bool]:
    """Asks of a function's name whether the function may refuse what it is given."""
    return lambda name: _may_refuse(name, claim)


def _may_refuse(name: str, claim: str) -> bool:
    return _checking(claim).search(name.lower()) is not None


@cache
def _checking(claim: str) -> re.Pattern[str]:
    """Any of the words that say that something is checked."""
    said = sorted(words("check", claim))
    return re.compile("|".join(map(re.escape, said)) if said else r"(?!)")


def _together(levels: list[int], every: bool) -> int:
    """Of conditions that hold all at once the strongest; of which one holds, what each proves."""
    if every:
        return max(levels)
    return UNKNOWN if max(levels) and min(levels) == NONE else min(levels)
