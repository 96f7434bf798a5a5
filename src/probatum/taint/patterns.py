"""What a search for a regular expression in front of a sink proves of the value that reaches it."""

import re
from collections.abc import Iterator

from probatum.taint import groups
from probatum.taint.comparisons import MATCHING, Comparisons
from probatum.taint.flow import ATTR, CALL, CONST, HOLDS, ITEM, NAME, Node
from probatum.taint.program import Place
from probatum.taint.rules import words
from probatum.taint.values import Leaf

_LONGEST_PATTERN = 200


class Patterns(Comparisons):
    """Tries patterns with the attacks that are known."""

    def stops(self, place: Place, node: Node, short: str, way: int, claim: str) -> bool:
        """Whether a test by a pattern stops every attack that is known for the claim."""
        pattern = self.pattern(place, node)
        attacks = words("attack", claim)
        if short not in MATCHING or not attacks or pattern[0] != CONST:
            return True
        if not isinstance(pattern[1], str) or not 0 < len(pattern[1]) <= _LONGEST_PATTERN:
            return True
        try:
            test = getattr(re.compile(pattern[1]), short)
        except (re.error, RecursionError, OverflowError):
            return True
        return not any(bool(test(attack)) == (way == HOLDS) for attack in attacks)

    def takes_out(self, place: Place, test: int, path: set[Leaf], claim: str) -> bool:
        """A search for a pattern of which a group goes on that may be an attack as a whole."""
        nodes = self.program[place].nodes
        if test not in path or self.program.short(place, nodes[test][1]) not in MATCHING:
            return False
        pattern = self.pattern(place, nodes[test])[-1]
        return any(
            groups.lets_through(pattern, nodes[group][-1], words("attack", claim))
            for group in self.taken_groups(place, test, path)
        )

    def taken_groups(self, place: Place, test: int, path: set[Leaf]) -> Iterator[int]:
        """What the path asks a match for: `match.group(1)`, `match[1]`."""
        nodes = self.program[place].nodes
        for one in path:
            node: Node = nodes[one] if isinstance(one, int) else (CONST, None)
            if node[0] == ITEM and node[1] == test:
                yield node[2]
            elif node[0] == CALL and len(node[2]) == 1 and nodes[node[1]][0] == ATTR:
                callee = nodes[node[1]]
                if callee[1] == test and callee[2] == "group":
                    yield node[2][0]

    def removes(self, place: Place, node: Node, short: str, claim: str) -> bool:
        """`re.sub` that lets no sign through by which a text does harm, nor any known attack."""
        signs = words("harmful sign", claim)
        method = self.program[place].nodes[node[1]][0] == ATTR
        if short != "sub" or not signs or not method or not 2 <= len(node[2]) <= 3:
            return False
        pattern = self.pattern(place, node)[-1]
        other = self.program[place].nodes[node[2][-2]][-1]
        if not isinstance(pattern, str) or not isinstance(other, str):
            return False
        try:
            removed = re.compile(pattern[:_LONGEST_PATTERN])
            told = {one: removed.sub(other, one) for one in signs | words("attack", claim)}
        except (re.error, RecursionError, OverflowError):
            return False
        return not any(one == after or signs & {*after} for one, after in told.items())

    def pattern(self, place: Place, node: Node) -> Node:
        """The pattern of a search: given to it, or to the `re.compile` that made its object."""
        nodes = self.program[place].nodes
        callee = nodes[node[1]]
        held = nodes[callee[1]] if callee[0] == ATTR else callee
        values = [(place, callee[1])] if held[0] == CALL else []
        if held[0] == NAME:
            values = list(self.program.bound(place, held[1]))
        for where, value in values:
            made = self.program[where].nodes[value]
            if made[0] == CALL and made[2] and self.program.short(where, made[1]) == "compile":
                found: Node = self.program[where].nodes[made[2][0]]
                return found
        given: Node = nodes[node[2][0]] if node[2] else (CONST, None)
        return given
