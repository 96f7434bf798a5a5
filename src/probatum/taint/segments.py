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
        owner = self.program.owner(state.place)
        if owner is not None and self.guards.switches.opted_into(owner):
            return state.guarded(PROVEN, "")
        path = self.guards.path(state.place, passed)
        level, said, place = self.guards.level(state.place, links, path, row.claim)
        if level <= state.level:
            return state
        return state.guarded(level, at_line(said, place))

    def link(self, place: Place, call: int) -> int:
        under = self.program[place].under.get(call, -1)
        return under if isinstance(under, int) else -1
