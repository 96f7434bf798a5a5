"""What an expression comes to when some of its values are known; nothing is guessed."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from probatum.taint.archives import Archive
from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    COMPARE,
    CONST,
    EACH,
    EITHER,
    HOLDS,
    ITEM,
    JOIN,
    MATH,
    NAME,
    NOT,
    PACK,
    PARAM,
    PART,
    PARTLY,
    RETURNS,
    TEXT,
    WAY,
    Node,
    operands,
)
from probatum.taint.known_answers import (
    CONSTANTS,
    FOLDER,
    UNSAID,
    Own,
    Refused,
    attribute,
    function,
    joined,
    method,
    text,
)
from probatum.taint.program import Place, Program
from probatum.taint.values import Values

Known = dict[int, Any]  # what nodes of one function come to

_MOST_STEPS, _DEEPEST, _DEEPEST_CALL = 4000, 20, 4


class Outcomes:
    """Works out values of one program for one trial; `steps` are those that are left, and
    `folders` those that the code names in the texts it looks at."""

    def __init__(self, program: Program, values: Values, may_refuse: Callable[[str], bool]) -> None:
        self.program = program
        self.values = values
        self.may_refuse = may_refuse
        self.steps = _MOST_STEPS
        self.owns: dict[Any, Own] = {}
        self.folders: set[str] = set()  # that the code names

    def own(self, key: Any) -> Own:
        """The text that stands for one that the program says itself."""
        return self.owns.setdefault(key, Own(f"{FOLDER}{len(self.owns) + 1}"))

    def of(self, place: Place, node: int, known: Known, depth: int = 0) -> Any:
        """What a node comes to; UNSAID if that is not known. Raises: Refused."""
        if node in known:
            return known[node]
        self.steps -= 1
        if self.steps < 0 or depth > _DEEPEST:
            return UNSAID
        known[node] = UNSAID  # of what is made of itself, in a loop
        given = self.program[place].nodes[node]
        made = _MAKING.get(given[0])
        try:
            known[node] = made(self, place, node, known, depth + 1) if made else UNSAID
        except (TypeError, ValueError):
            known[node] = UNSAID
        except Refused:
            del known[node]
            raise
        return known[node]

    # Kinds of nodes

    def parameter(self, place: Place, node: int, known: Known, depth: int) -> Any:
        name = self.values.parameter(place, self.program[place].nodes[node][1])
        default = self.program[place].defaults.get(name, "")
        return self.own((place, name)) if isinstance(default, str) else UNSAID

    def constant(self, place: Place, node: int, known: Known, depth: int) -> Any:
        said = self.program[place].nodes[node][1]
        if isinstance(said, str) and said.startswith("/") and said.strip("/"):
            self.folders.add(said)
        return said

    def named(self, place: Place, node: int, known: Known, depth: int) -> Any:
        name = self.program[place].nodes[node][1]
        dotted = self.program.dotted(place, node)
        if dotted in CONSTANTS:
            return CONSTANTS[dotted]
        values = list(self.program.values(place, name))
        if len(values) == 1:
            return self.of(*values[0], {}, depth)
        return self.own(dotted or name)

    def member(self, place: Place, node: int, known: Known, depth: int) -> Any:
        dotted = self.program.dotted(place, node)
        if dotted in CONSTANTS:
            return CONSTANTS[dotted]
        _, base, name = self.program[place].nodes[node]
        held = self.of(place, base, known, depth)
        if isinstance(held, Own):
            return self.own((place[0], self.values.words(place, node)))
        return attribute(held, name)

    def item(self, place: Place, node: int, known: Known, depth: int) -> Any:
        _, base, key = self.program[place].nodes[node]
        held, at = self.of(place, base, known, depth), self.of(place, key, known, depth)
        if isinstance(held, Own):
            return self.own((place, node))
        if isinstance(held, tuple) and type(at) is int and -len(held) <= at < len(held):
            return held[at]
        return UNSAID

    def part(self, place: Place, node: int, known: Known, depth: int) -> Any:
        _, base, at = self.program[place].nodes[node]
        held = self.of(place, base, known, depth)
        return held[at] if isinstance(held, tuple) and 0 <= at < len(held) else UNSAID

    def element(self, place: Place, node: int, known: Known, depth: int) -> Any:
        """What a loop goes over, where that is one thing."""
        held = self.of(place, self.program[place].nodes[node][1], known, depth)
        held = (held.member,) if isinstance(held, Archive) else held
        return held[0] if isinstance(held, tuple) and len(held) == 1 else UNSAID

    def choice(self, place: Place, node: int, known: Known, depth: int) -> Any:
        """Of several that meet the one whose conditions hold, or what they all are."""
        given = self.program[place].nodes[node]
        links = self.program[place].under.get(node, ())
        if isinstance(links, tuple) and len(links) == len(given) - 1 and links[:1] != (-1,):
            ways = [self.holds(place, one, known, depth) for one in links]
            if ways.count(True) == 1 and ways.count(False) == len(ways) - 1:
                return self.of(place, given[1 + ways.index(True)], known, depth)
        values = [self.of(place, one, known, depth) for one in given[1:]]
        return values[0] if all(one == values[0] for one in values) else UNSAID

    def put_together(self, place: Place, node: int, known: Known, depth: int) -> Any:
        parts = [self.of(place, one, known, depth) for one in self.program[place].nodes[node][1:]]
        if isinstance(parts[0], str) and "%" in parts[0] and not isinstance(parts[0], Own):
            return UNSAID
        return "".join(str(one) if type(one) is int else text(one) for one in parts)

    def several(self, place: Place, node: int, known: Known, depth: int) -> Any:
        parts = self.program[place].nodes[node][1:]
        return tuple(self.of(place, one, known, depth) for one in parts)

    def under(self, place: Place, node: int, known: Known, depth: int) -> Any:
        _, operator, left, right = self.program[place].nodes[node]
        base, name = self.of(place, left, known, depth), self.of(place, right, known, depth)
        return PurePosixPath(joined(base, name)) if operator == "Div" else UNSAID

    def compared(self, place: Place, node: int, known: Known, depth: int) -> Any:
        _, operator, left, right = self.program[place].nodes[node]
        one, other = self.of(place, left, known, depth), self.of(place, right, known, depth)
        if operator in ("in", "not in"):
            found = _contains(other, one)
        elif operator in ("==", "is", "!=", "is not"):
            found = _equal(one, other)
        else:
            return UNSAID
        return found if found is UNSAID else found is (operator in ("in", "==", "is"))

    def both(self, place: Place, node: int, known: Known, depth: int) -> Any:
        return self.some(place, node, known, depth, False)

    def either(self, place: Place, node: int, known: Known, depth: int) -> Any:
        return self.some(place, node, known, depth, True)

    def some(self, place: Place, node: int, known: Known, depth: int, ends: bool) -> Any:
        """`or` ends with the first that is true, `and` with the first that is not."""
        value: Any = UNSAID
        unsaid = False
        for one in self.program[place].nodes[node][1:]:
            value = self.of(place, one, known, depth)
            truth = true(value)
            if truth is ends:
                return value if not unsaid or type(value) is bool else UNSAID
            unsaid = unsaid or truth is None
        return UNSAID if unsaid else value

    def denied(self, place: Place, node: int, known: Known, depth: int) -> Any:
        truth = true(self.of(place, self.program[place].nodes[node][1], known, depth))
        return UNSAID if truth is None else not truth

    # Calls

    def called(self, place: Place, node: int, known: Known, depth: int) -> Any:
        given = self.program[place].nodes[node]
        callee = self.program[place].nodes[given[1]]
        short = self.program.short(place, given[1])
        if short in ("any", "all"):
            return self.of_each(place, given, known, depth, short == "any")
        targets = [one.function for one in self.program.meanings(place, given[1])]
        if targets[:1] != [None] and len(targets) == 1 and targets[0] is not None:
            return self.answered(place, given, targets[0], known, depth)
        values = [self.of(place, one, known, depth) for one in given[2]]
        outside = self.program.dotted(place, given[1])
        answer = function(self.program.outside(outside), values) if outside else UNSAID
        if answer is UNSAID and callee[0] == ATTR:
            held = self.of(place, callee[1], known, depth)
            answer = method(held, callee[2], values)
            values.append(held)
        if answer is UNSAID and all(isinstance(one, Own) for one in values):
            return self.own((place[0], self.values.words(place, node)))
        return answer

    def of_each(self, place: Place, given: Node, known: Known, depth: int, anything: bool) -> Any:
        """`any(…)` and `all(…)` of what is said of each element.

        Which elements a filter leaves out is not looked at: an answer counts that they cannot
        change.
        """
        nodes = self.program[place].nodes
        listed: Node = nodes[given[2][0]] if given[2] else (CONST, None)
        if listed[0] != PACK or len(listed) != 2:
            return UNSAID
        each = set(self._elements(place, listed[1]))
        if len(each) != 1:
            return UNSAID
        element = each.pop()
        held = self.of(place, nodes[element][1], known, depth)
        if not isinstance(held, tuple):
            return UNSAID
        for one in held:
            inner = {**known, element: one}
            for at in [key for key, value in inner.items() if value is UNSAID]:
                del inner[at]
            if true(self.of(place, listed[1], inner, depth)) is not (not anything):
                return UNSAID
        return not anything

    def _elements(self, place: Place, node: int) -> Iterator[int]:
        nodes = self.program[place].nodes
        waiting, seen = [node], set()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            if nodes[one][0] == EACH:
                yield one
                continue
            waiting += operands(nodes[one])

    def answered(self, place: Place, call: Node, target: Place, known: Known, depth: int) -> Any:
        """What a function of the project answers to a call. Raises: Refused."""
        if depth > _DEEPEST_CALL * 5 or self.program[target].kind != "function":
            return UNSAID
        bound = self.bound(place, call, target, known, depth)
        raises = self.raises(target, bound, depth)
        if raises:
            raise Refused
        if raises is None:
            return UNSAID
        ends = [(self.holds(target, link, bound, depth), value, link) for value, link in
                self.program[target].exits]  # fmt: skip
        if not ends:
            return None
        if any(one is None for one, _, _ in ends):
            return UNSAID
        found = [(self._length(target, link), value) for one, value, link in ends if one]
        longest = max((length for length, _ in found), default=0)
        last = [value for length, value in found if length == longest]
        if len(last) != 1:
            return UNSAID if last else None
        return self.of(target, last[0], bound, depth) if last[0] >= 0 else None

    def raises(self, target: Place, bound: Known, depth: int) -> bool | None:
        """Whether a function raises by a condition of its own; None if that is not known."""
        said: bool | None = False
        for link in self.program[target].raises:
            holds = self.holds(target, link, bound, depth)
            if holds:
                return True
            said = None if holds is None else said
        if any(self.refuses(target, node, bound, depth) for node in self.checks(target)):
            return None
        return said

    def checks(self, place: Place) -> list[int]:
        """The calls in a function that may refuse what they are given, by their names."""
        return [
            at
            for at, node in enumerate(self.program[place].nodes)
            if node[0] == CALL and self.may_refuse(self.program.short(place, node[1]))
        ]

    def refuses(self, place: Place, node: int, known: Known, depth: int = 0) -> bool:
        """Whether a call may raise, for all that is known."""
        try:
            return self.of(place, node, known, depth) is UNSAID
        except Refused:
            return True

    def bound(self, place: Place, call: Node, target: Place, known: Known, depth: int = 0) -> Known:
        """What the parameters of a function are when a call calls it."""
        function_ = self.program[target]
        method_ = self.program.owner(target) is not None
        shift = int(method_ and function_.parameters[:1] in (("self",), ("cls",)))
        given = dict(call[3])
        found: Known = {}
        for at, node in enumerate(function_.nodes):
            if node[0] != PARAM or node[1] >= len(function_.parameters):
                continue
            name = function_.parameters[node[1]]
            position = node[1] - shift
            if name in given:
                found[at] = self.of(place, given[name], known, depth)
            elif 0 <= position < len(call[2]):
                found[at] = self.of(place, call[2][position], known, depth)
            elif position < 0:
                found[at] = self.own((target[0], "self"))
            else:
                default = function_.defaults.get(name, ...)
                found[at] = UNSAID if default is ... else default
        return found

    # Conditions

    def holds(self, place: Place, link: int, known: Known, depth: int = 0) -> bool | None:
        """Whether all conditions from a link up hold; None if that is not known."""
        said: bool | None = True
        while link >= 0:
            test, way, link = self.program[place].controls[link]
            one = self.passed(place, test, way, known, depth)
            if one is False:
                return False
            said = said if one else None
        return said

    def passed(
        self, place: Place, test: int, way: int, known: Known, depth: int = 0
    ) -> bool | None:
        """Whether the code goes this way behind a condition."""
        try:
            value = self.of(place, test, known, depth)
        except Refused:
            return None if way & PARTLY else False
        if way & WAY == RETURNS:
            return True if value is not UNSAID else None
        truth = true(value)
        if truth is None:
            return None
        went = truth is (way & WAY == HOLDS)
        return None if way & PARTLY and not went else went

    def _length(self, place: Place, link: int) -> int:
        length = 0
        while link >= 0:
            length, link = length + 1, self.program[place].controls[link][2]
        return length


def true(value: Any) -> bool | None:
    """Whether a value counts as true; None if that is not known."""
    if value is UNSAID or isinstance(value, Own):
        return None
    if isinstance(value, tuple) and any(one is UNSAID for one in value):
        return True
    return bool(value)


def _equal(one: Any, other: Any) -> Any:
    if one is UNSAID or other is UNSAID:
        return UNSAID
    if one is None or other is None:
        said = other if one is None else one
        return UNSAID if isinstance(said, Own) else said is None and one is other
    if bool in (type(one), type(other)):
        return one is other
    owned = [isinstance(value, Own) for value in (one, other)]
    if all(owned):
        return True if one == other else UNSAID
    if any(owned) and "/" not in str(other if owned[0] else one):
        return UNSAID  # a word of the program's own may be any
    return str(one) == str(other)


def _contains(held: Any, one: Any) -> Any:
    if isinstance(held, str) and isinstance(one, str):
        return UNSAID if isinstance(held, Own) else str(one) in held
    if isinstance(held, tuple):
        said = [_equal(value, one) for value in held]
        if any(value is True for value in said):
            return True
        return UNSAID if any(value is UNSAID for value in said) else False
    return UNSAID


_MAKING = {
    PARAM: Outcomes.parameter, CONST: Outcomes.constant, NAME: Outcomes.named,
    ATTR: Outcomes.member, ITEM: Outcomes.item, PART: Outcomes.part, CALL: Outcomes.called,
    JOIN: Outcomes.choice, TEXT: Outcomes.put_together, PACK: Outcomes.several,
    COMPARE: Outcomes.compared, BOTH: Outcomes.both, EITHER: Outcomes.either,
    NOT: Outcomes.denied, MATH: Outcomes.under, EACH: Outcomes.element,
}  # fmt: skip
