"""Walks from each sink back to the sources: the paths on which a value may come from outside."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from msgspec import structs

from probatum.taint import written
from probatum.taint.comparisons import NONE, PROVEN, UNKNOWN
from probatum.taint.flow import ATTR, CALL, Node
from probatum.taint.matching import Sinks
from probatum.taint.program import Place, Program
from probatum.taint.project import is_test
from probatum.taint.rules import Sink, Source, sinks, words
from probatum.taint.states import ALONE, BEHIND_OWN, Hop, Path, State
from probatum.taint.steps import Steps
from probatum.taint.trials import Trials

_MOST_STATES = 1000  # of one sink call and row: what lies farther is not searched
_PER_LEVEL = 1000  # a guarded state waits behind every unguarded one
_MORE_STATES = 150  # looked at for an attacker, once a caller is known who may choose the value
_FARTHEST_CHOICE = 4  # calls: what callers farther away choose, nobody who reads it can judge


class Search:
    """Searches one program. `seen` counts the sink calls by claim, with a path or without."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps = Steps(program)
        self.sinks = Sinks(program, self.steps.values, self.steps.callers)
        self.trials = Trials(program, self.steps.values, self.steps.guards)
        self.seen: Counter[str] = Counter()

    def paths(self) -> Iterator[Path]:
        """At most one path for each row's claim and sink call: the least guarded, then shortest."""
        for short, rows in sinks().items():
            for module, index, node in self.program.calls.get(short, ()):
                key = ("sink", short, module, index, node)
                work = partial(self._at, rows, (module, index), node)
                claim, path = self.program.remembered(key, work)
                if claim:
                    self.seen[claim] += 1
                if path is not None:
                    yield path

    def _at(self, rows: list[Sink], place: Place, node: int) -> tuple[str, Path | None]:
        """Of a call the claim it is a sink of, empty if of none, and the path that leads there."""
        if is_test(self.program.modules[place[0]].path):
            return "", None
        call = self.program[place].nodes[node]
        shipped = self.program.modules[place[0]].shipped
        claim = ""
        for row in rows:
            if claim not in ("", row.claim) or not self.sinks.is_sink(row, place, node):
                continue
            if not shipped:
                row = structs.replace(row, public=False)
            answers = "answer" in row.arguments
            starts = [node] if answers else self.sinks.arguments(row, place, call)
            claim = row.claim if starts else claim
            path = self._back(row, place, node, starts) if starts else None
            if path is not None:
                return claim, path
        return claim, None

    def _back(self, row: Sink, place: Place, node: int, starts: list[int]) -> Path | None:
        """The path of least level: states wait by level, then by how deep in calls they are."""
        order = count()
        waiting: list[tuple[int, int, State]] = []
        for state in self._first(row, place, node, starts):
            heappush(waiting, (0, next(order), state))
        seen: set[tuple[object, ...]] = set()
        best: _Found | None = None
        most = _MOST_STATES
        while waiting and len(seen) < most:
            _, _, state = heappop(waiting)
            key = state.key
            if key in seen:
                continue
            seen.add(key)
            for after in self.steps.before(row, state):
                if isinstance(after, State):
                    if after.level < PROVEN:
                        weight = after.level * _PER_LEVEL + len(after.context)
                        heappush(waiting, (weight, next(order), after))
                    continue
                found = self._found(row, state, after)
                if found is None or (best is not None and found.rank >= best.rank):
                    continue
                best = found
                if found.rank == (NONE, False):
                    waiting.clear()
                elif found.rank[0] == NONE:
                    most = min(most, len(seen) + _MORE_STATES)
        if best is None:
            return None
        weak = self.trials.comes_through(row, best.state) if best.rank[0] else ""
        if weak:
            row = structs.replace(row, instead=f"{weak}: {row.instead}")
            best = best._replace(state=best.state.guarded(NONE, ""))
        return self._path(row, place, node, best.state, best.source)

    def _found(self, row: Sink, state: State, source: Source | str) -> "_Found | None":
        """The source that a state leads to, if it counts for the sink and is not kept away."""
        says, chosen = _counts(row, state, source)
        done = self._asked(row, self.steps.guarded(row, state)) if says else state
        if not says or done.level == PROVEN:
            return None
        return _Found(done, says, (done.level, chosen))

    def _asked(self, row: Sink, state: State) -> State:
        """The state behind the dependency by which a route lets in only those who run the service.

        They say which services it talks to, and may do much else.
        """
        if state.level != NONE or row.claim != "no-request-forgery":
            return state
        asking = words("operator's dependency")
        for name in self.program[state.place].injected:
            if any(word in name.rpartition(".")[2].lower() for word in asking):
                return state.guarded(UNKNOWN, name)
        return state

    def _first(self, row: Sink, place: Place, node: int, starts: list[int]) -> list[State]:
        function = self.program[place]
        joined = ALONE if row.joined or row.text or row.shell else BEHIND_OWN
        level, words = self.sinks.filtered(row, place, function.nodes[node])
        under = function.under.get(node, -1)
        far = self.sinks.own_file(row, place, starts)
        return [
            State(
                place,
                start,
                (),
                joined,
                False,
                level,
                words,
                None,
                "",
                (under,),
                start=True,
                far=far,
            )
            for start in (*starts, *self._written(row, place, node, starts))
        ]

    def _written(self, row: Sink, place: Place, node: int, starts: list[int]) -> Iterator[int]:
        for start in starts if row.claim in written.CLAIMS else ():
            yield from written.written(self.steps.values, place, start, node)

    def _path(self, row: Sink, place: Place, node: int, state: State, source: str) -> Path:
        hops = []
        one: State | None = state
        while one is not None:
            given = one.site >= 0
            hops.append(self._hop(one.place, one.node, "" if given else one.says))
            if given:
                hops.append(self._hop(one.place, one.site, one.says))
            one = one.before
        sink = self._hop(place, node, self.steps.values.words(place, node))
        hops += self._made(place, self.program[place].nodes[node])
        return Path(row.claim, sink, tuple(hops), state.level, state.guard, source, row.instead)

    def _hop(self, place: Place, node: int, says: str) -> Hop:
        values = self.steps.values
        function = self.program[place]
        kind, name = function.nodes[node][0], values.name(place, node)
        return Hop(place[0], place[1], function.places[node], says, kind, name)

    def _made(self, place: Place, call: Node) -> list[Hop]:
        """Where the object was made whose method the sink is."""
        program = self.program
        nodes = program[place].nodes
        callee = nodes[call[1]]
        base = nodes[callee[1]] if callee[0] == ATTR else callee
        if callee[0] != ATTR or base[0] != ATTR:
            return []
        cls = program.found(program.type_of(place, base[1]))
        for where, _, value, _ in program.stored(cls).get(base[2], ()) if cls else ():
            if program[where].nodes[value][0] == CALL:
                says = f"made by `{self.steps.values.words(where, value)}`"
                return [self._hop(where, value, says)]
        return []


class _Found(NamedTuple):
    """A state in which the search found a source. Of two, the one of lower `rank` is told: how far
    it is guarded, and whether it takes a caller who chooses the value, or an attacker suffices."""

    state: State
    source: str
    rank: tuple[int, bool]


def _counts(row: Sink, state: State, source: Source | str) -> tuple[str, bool]:
    """The words of a source that counts for the sink, and whether its callers choose it.

    What is not remote counts only behind a base of the code's own, as a path only near by, and as
    an address never.
    """
    if (row.shell or row.verbs) and state.joined == ALONE:
        return "", False
    near = state.crossed <= _FARTHEST_CHOICE
    if isinstance(source, str):
        return (source if near else ""), True
    if source.remote:
        return source.says, False
    counts = row.public and state.joined != ALONE and row.claim != "no-request-forgery"
    return (source.says if counts and (near or not row.joined) else ""), False
