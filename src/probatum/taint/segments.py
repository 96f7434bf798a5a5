"""What a step back needs to know of a program, and what guards the values of one function."""

from probatum.taint.callers import Callers
from probatum.taint.comparisons import PROVEN
from probatum.taint.flow import at_line
from probatum.taint.guards import Guards
from probatum.taint.origins import Origins
from probatum.taint.program import Place, Program
from probatum.taint.rules import Sink, Source
from probatum.taint.states import State
from probatum.taint.texts import Texts
from probatum.taint.values import Values

Before = State | Source | str  # an earlier state, or where the value comes from

MOST_CALLERS, DEEPEST_CONTEXT = 40, 5


class Segments:
    """The segments of one program's paths: each lies in one function."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.values = Values(program)
        self.texts = Texts(program, self.values)
        self.guards = Guards(program, self.values)
        self.origins = Origins(program, self.values)
        self.callers = Callers(program)

    def guarded(self, row: Sink, state: State) -> State:
        """The state with what guards the segment that ends in it."""
        passed: list[int] = []
        links: list[int] = []
        one: State | None = state
        while one is not None:
            passed.append(one.node)
            links.extend(one.links)
            one = None if one.start else one.before
        key = ("guarded", row.claim, state.place, *passed, -1, *links)
        known: tuple[int, str] | None = self.program.memo.get(key)
        if known is None:  # of a hundred paths that end in this segment only the first asks
            known = self.program.memo[key] = self._guard(row.claim, state.place, passed, links)
        level, said = known
        return state.guarded(level, said) if level > state.level else state

    def _guard(
        self, claim: str, place: Place, passed: list[int], links: list[int]
    ) -> tuple[int, str]:
        """The strongest guard of the values passed, where the links stand: level and words."""
        owner = self.program.owner(place)
        if owner is not None and self.guards.switches.opted_into(owner):
            return PROVEN, ""
        path = self.guards.path(place, passed)
        level, said, line = self.guards.level(place, links, path, claim)
        return level, at_line(said, line) if level else ""

    def link(self, place: Place, call: int) -> int:
        under = self.program[place].under.get(call, -1)
        return under if isinstance(under, int) else -1
