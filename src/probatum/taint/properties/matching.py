"""Which calls a row means, and the paths that tell of them."""

from collections.abc import Iterable
from typing import Protocol

from probatum.taint.comparisons import NONE, UNKNOWN
from probatum.taint.flow import ATTR, Node, operands
from probatum.taint.program import Place, Program
from probatum.taint.properties.constants import Constants, Known
from probatum.taint.properties.rows import instead
from probatum.taint.states import Hop, Path
from probatum.taint.values import Values

_MOST_PARTS = 100


class Named(Protocol):
    """A row that names calls."""

    @property
    def calls(self) -> tuple[str, ...]: ...
    @property
    def methods(self) -> tuple[str, ...]: ...
    @property
    def receivers(self) -> tuple[str, ...]: ...


class Matching:
    """Matches the calls of one program with rows, and tells where they stand."""

    def __init__(self, program: Program, values: Values) -> None:
        self.program = program
        self.values = values
        self.constants = Constants(program)

    def means(self, row: Named, place: Place, call: Node) -> bool:
        """The call is one that the row names."""
        program = self.program
        meanings = program.meanings(place, call[1])
        if any(one.outside in row.calls for one in meanings if one.outside):
            return True
        callee = program[place].nodes[call[1]]
        if callee[0] != ATTR or callee[2] not in row.methods:
            return False
        if any(one.function for one in meanings):
            return False
        return not row.receivers or self.is_one(place, callee[1], row.receivers)

    def is_one(self, place: Place, node: int, of: Iterable[str]) -> bool:
        """An object of one of these classes, or that the code calls by one of these names."""
        said = self.program.type_of(place, node).removesuffix("()").rpartition(".")[2]
        spoken = self.constants.spoken(place, node).strip("_").lower()
        return any(name.rpartition(".")[2] in (said, spoken) for name in of)

    def given(self, call: Node, keyword: str) -> int:
        """The node that a call is given by a keyword; -1 if it is not."""
        return next((int(value) for name, value in call[3] if name == keyword), -1)

    def hop(self, place: Place, node: int, says: str) -> Hop:
        function = self.program[place]
        kind, name = function.nodes[node][0], self.values.name(place, node)
        return Hop(place[0], place[1], function.places[node], says, kind, name)

    def path(
        self,
        claim: str,
        place: Place,
        node: int,
        source: str,
        says: str,
        hops: Iterable[Hop] = (),
        guard: str = "",
    ) -> Path:
        """What is told of a node: that `source` reaches `says`, unless `guard` stops it."""
        sink = self.hop(place, node, says)
        level = UNKNOWN if guard else NONE
        return Path(claim, sink, (*hops, sink), level, guard, source, instead(claim))

    def because(self, known: Known, place: Place, says: str) -> tuple[Hop, ...]:
        """The step that tells where a value was said, unless that is where it is used."""
        if not known.how and known.place == place:
            return ()
        return (self.hop(known.place, known.node, f"{says} {known.how}".strip()),)

    def conditions(self, place: Place, node: int) -> list[tuple[int, int]]:
        """The conditions that stand over a call, innermost first, and whether they hold."""
        function = self.program[place]
        under = function.under.get(node, -1)
        return self.program.conditions(place, under if isinstance(under, int) else -1)

    def mentioned(self, place: Place, node: int) -> set[str]:
        """The names in what a value is made of: variables, parameters, attributes, keys."""
        nodes = self.program[place].nodes
        found: set[str] = set()
        seen: set[int] = set()
        waiting = [node]
        while waiting and len(seen) < _MOST_PARTS:
            one = waiting.pop()
            if one >= 0 and one not in seen:
                seen.add(one)
                found.add(self.constants.spoken(place, one).lower())
                waiting += operands(nodes[one])
        return found - {""}
