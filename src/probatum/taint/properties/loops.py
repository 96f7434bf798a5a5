"""Loops that go on, calling tools, for as long as a model's answers say so."""

from collections.abc import Iterator

from probatum.taint.flow import (
    ATTR,
    CALL,
    COMPARE,
    CONST,
    NAME,
    RETURNS,
    WAY,
    Function,
    Loop,
    operands,
)
from probatum.taint.names import Part
from probatum.taint.program import Place, Program
from probatum.taint.properties.matching import Matching
from probatum.taint.properties.rows import called, words
from probatum.taint.states import Path

_CLAIM = "bounded-model-loops"
_ORDERED = ("<", "<=", ">", ">=")
_QUEUES = ("queue", "inbox", "q", "mailbox", "channel", "websocket", "ws", "socket", "stdin")


class Loops:
    """Finds them in one program."""

    def __init__(self, matching: Matching) -> None:
        self.matching = matching
        self.program: Program = matching.program

    def paths(self, here: Part) -> Iterator[Path]:
        for place, function in here.functions():
            for loop in function.loops:
                yield from self._at(place, function, loop)

    def _at(self, place: Place, function: Function, loop: Loop) -> Iterator[Path]:
        calls = [one for one in range(*loop.nodes) if self._asks_a_model(place, function, one)]
        if not calls or not self._does_as_told(place, function, loop):
            return
        if self._is_bounded(place, function, loop) or self._waits(place, function, loop):
            return
        answers = self._made_of(function, calls)
        exits = [self._conditions(function, loop, link) for link in self._exits(function, loop)]
        decided = [tests[0] for tests in exits if tests]  # the innermost of each
        if not loop.endless:
            decided.append(loop.test)
        if not decided or not answers.issuperset(decided):
            return
        node = calls[0]
        hops = [self.matching.hop(place, node, self.matching.values.words(place, node))]
        says = f"while {self.matching.values.words(place, loop.test)}"
        source = "what a model answers, and no limit,"
        yield self.matching.path(_CLAIM, place, loop.test, source, says, hops)

    def _asks_a_model(self, place: Place, function: Function, node: int) -> bool:
        call = function.nodes[node]
        if call[0] != CALL:
            return False
        rows = called(_CLAIM).get(self.program.short(place, call[1]), ())
        return any(self.matching.means(row, place, call) for row in rows)

    def _does_as_told(self, place: Place, function: Function, loop: Loop) -> bool:
        """Something in the loop names a tool."""
        return any(
            word in name for name in self._names(place, function, loop) for word in words("tool")
        )

    def _names(self, place: Place, function: Function, loop: Loop) -> Iterator[str]:
        for at in range(*loop.nodes):
            node = function.nodes[at]
            if node[0] in (NAME, ATTR):
                yield str(node[1] if node[0] == NAME else node[2]).lower()
            elif node[0] == CONST and isinstance(node[1], str):
                yield node[1].lower()

    def _is_bounded(self, place: Place, function: Function, loop: Loop) -> bool:
        """A condition or a call in the loop may end it by a number, a time or a switch."""
        first, last = loop.nodes
        tests = {one for one, way, _ in function.controls if way & WAY != RETURNS}
        tests = {one for one in tests if first <= one < last} | {loop.test}
        named: set[str] = set()
        for test in tests:
            if any(
                node[0] == COMPARE and node[1] in _ORDERED for node in self._parts(function, test)
            ):
                return True
            named |= self.matching.mentioned(place, test)
        for at in range(first, last):
            node = function.nodes[at]
            if node[0] == CALL:
                named |= self.matching.mentioned(place, node[1])
        return any(word in name for name in named for word in words("limit"))

    def _parts(self, function: Function, node: int) -> Iterator[tuple[object, ...]]:
        seen: set[int] = set()
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if one >= 0 and one not in seen and function.nodes[one][0] != CALL:
                seen.add(one)
                yield function.nodes[one]
                waiting += operands(function.nodes[one])

    def _waits(self, place: Place, function: Function, loop: Loop) -> bool:
        """Somebody else is waited for at each turn."""
        for at in range(*loop.nodes):
            node = function.nodes[at]
            if node[0] != CALL:
                continue
            short = self.program.short(place, node[1])
            if short in words("waits") or short.startswith(("input", "get_user", "read_user")):
                return True
            callee = function.nodes[node[1]]
            reads = short in ("get", "read", "receive") and callee[0] == ATTR
            if reads and self.matching.constants.spoken(place, callee[1]).lower().endswith(_QUEUES):
                return True
        return False

    def _made_of(self, function: Function, calls: list[int]) -> set[int]:
        """Every node of a function that is made of what these calls answer."""
        found = set(calls)
        grown = True
        while grown:
            grown = False
            for at, node in enumerate(function.nodes):
                if at not in found and any(one in found for one in operands(node)):
                    found.add(at)
                    grown = True
        return found

    def _exits(self, function: Function, loop: Loop) -> list[int]:
        """The control links of what leaves the loop but for exceptions."""
        return [*loop.breaks, *(link for _, link in function.exits[slice(*loop.exits)])]

    def _conditions(self, function: Function, loop: Loop, link: int) -> list[int]:
        """The tests on the way to an exit within the loop, without the loop's own."""
        found = []
        while link >= 0 and link != loop.link:
            test, way, link = function.controls[link]
            if way & WAY != RETURNS and test != loop.test:
                found.append(test)
        return found
