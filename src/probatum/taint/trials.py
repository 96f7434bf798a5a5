"""Tries the checks on a path with the texts that attackers send: which of them comes through.

A condition that is not understood leaves a path undecided. Many such conditions look for something
else than what does harm: for `..` where an absolute path leads outside as well, for a prefix
without the separator behind it. So the path is walked once more, from its source to its sink, with
the text of a known attack in the place of the value: every condition on the way, and every function
that it asks, is worked out (`outcomes.py`). If the code goes the path's way at each of them, and
what arrives still leads outside, the checks guard nothing, and the attack is told. Where one thing
on the way is not known, nothing is concluded.
"""

import re
from collections.abc import Iterator
from typing import Any

from probatum.taint import archives
from probatum.taint.archives import Archive
from probatum.taint.comparisons import NONE, UNKNOWN
from probatum.taint.flow import CALL, CONST, JOIN, WAY, at_line
from probatum.taint.guards import Guards, may_refuse
from probatum.taint.known_answers import FOLDER, UNSAID, Own, Refused, leads_outside
from probatum.taint.outcomes import Known, Outcomes
from probatum.taint.program import Place, Program
from probatum.taint.rules import Sink, words
from probatum.taint.states import State
from probatum.taint.values import Leaf, Values

_CLAIMS = ("no-path-traversal", "no-archive-traversal")
_LONGEST_PATH = 60  # states
_MOST_ATTACKS = 60
_MOST_UNKNOWN = 3  # attacks of which nobody knows whether they pass: no other will be better off
_MOST_FOLDERS = 5  # of the program, of which one may be that which is meant
_MOST_SPELT = 6  # prefixes and suffixes that the code asks for

Segment = list[State]  # the states of one function, from the value that comes in to that it gives


class Trials:
    """Tries the paths of one program."""

    def __init__(self, program: Program, values: Values, guards: Guards) -> None:
        self.program = program
        self.values = values
        self.guards = guards

    def comes_through(self, row: Sink, found: State) -> str:
        """What to say of the check on a path that an attack passes; empty if none is known to."""
        claim = row.claim
        if claim not in _CLAIMS or row.relative:
            return ""
        segments = self._segments(found)
        guard = self._guard(claim, segments, found.guard) if segments else ""
        if not guard:
            return ""
        unknown = 0
        for attack in self._attacks(claim, segments):
            passes = self._comes_out(claim, segments, attack)
            if passes:
                return f"`{guard}` lets {_shown(attack)} through"
            unknown += passes is None
            if unknown == _MOST_UNKNOWN:
                break
        return ""

    def _segments(self, found: State) -> list[Segment]:
        """The states from the source to the sink, by the functions that they are in."""
        segments: list[Segment] = [[]]
        one: State | None = found
        length = 0
        while one is not None and length <= _LONGEST_PATH:
            segments[-1].append(one)
            if one.start and one.before is not None:
                segments.append([])
            one = one.before
            length += 1
        return segments if one is None else []

    def _guard(self, claim: str, segments: list[Segment], said: str) -> str:
        """The condition that guards the path, or the call of a function that is named as if it
        did, if it is one that is passed and nothing else is."""
        for segment in segments:
            place = segment[0].place
            level, words_, at = self.guards.level(
                place, _links(segment), self._path(segment), claim
            )
            if level != NONE and said == at_line(words_, at):
                return words_
            for one in segment:
                called = self._entered(place, one.node)
                if called and said == at_line(called, self.program[place].places[one.node]):
                    return called
        return ""

    def _entered(self, place: Place, node: int) -> str:
        """A call of a function of the project in words; empty for anything else."""
        given = self.program[place].nodes[node]
        if given[0] != CALL or not any(
            one.function for one in self.program.meanings(place, given[1])
        ):
            return ""
        return self.values.words(place, node)

    # Attacks

    def _attacks(self, claim: str, segments: list[Segment]) -> Iterator[str | Archive]:
        """What to try, the plainest first, and as the conditions on the way want it spelt."""
        if claim == "no-archive-traversal":
            yield from archives.attacks(_MOST_FOLDERS)
            return
        plain = [one for one in words("attack", claim) if "/" in one and leads_outside(one, ())]
        plain.sort(key=lambda one: (len(one), one))
        plain += sorted(words("encoded attack", claim))
        plain += [f"../own{number}-x/x" for number in range(1, _MOST_FOLDERS)]
        plain += [f"{FOLDER}{number}/../../etc/x" for number in range(1, _MOST_FOLDERS)]
        begins, ends = self._spellings(segments)
        tried = 0
        for begin in ("", *begins):
            for end in ("", *ends):
                for one in plain:
                    tried += 1
                    if tried <= _MOST_ATTACKS:
                        yield f"{begin}{one}{end}"

    def _spellings(self, segments: list[Segment]) -> tuple[list[str], list[str]]:
        """What conditions on the way want a text to begin and to end with."""
        begins: list[str] = []
        ends: list[str] = []
        for segment in segments:
            nodes = self.program[segment[0].place].nodes
            for test, _ in self._conditions(segment):
                for node in [nodes[one] for one in self.values.leaves(segment[0].place, test)
                             if isinstance(one, int)]:  # fmt: skip
                    short = node[0] == CALL and self.program.short(segment[0].place, node[1])
                    given = [nodes[one] for one in node[2]] if node[0] == CALL else []
                    texts = [one[1] for one in given if one[0] == CONST and type(one[1]) is str]
                    begins += texts if short == "startswith" else []
                    ends += texts if short == "endswith" else []
        return begins[:_MOST_SPELT], ends[:_MOST_SPELT]

    # One attack

    def _comes_out(self, claim: str, segments: list[Segment], attack: Any) -> bool | None:
        """Whether an attack goes the whole way and leads outside; None where nobody knows."""
        try:
            return self._passes(claim, segments, attack)
        except Refused:  # by what the code does beside the conditions
            return False

    def _passes(self, claim: str, segments: list[Segment], attack: Any) -> bool | None:
        outcomes = Outcomes(self.program, self.values, may_refuse(claim))
        known: dict[tuple[Place, tuple[object, ...]], Known] = {}
        value: Any = attack
        last: Any = attack
        before: tuple[Segment, Known] | None = None
        for segment in segments:
            first = segment[0]
            here = known.setdefault((first.place, first.context), {})
            if before is not None:
                self._enter(outcomes, *before, segment, here)
            here[first.node] = value
            for one in segment[1:]:
                value = here[one.node] = self._step(outcomes, one, here, value, attack)
                last = last if value is UNSAID else value
            through = self._is_let_through(outcomes, claim, segment, here)
            if not through:
                return through
            before = (segment, here)
        return leads_outside(last, outcomes.folders)

    def _enter(
        self, outcomes: Outcomes, segment: Segment, known: Known, after: Segment, here: Known
    ) -> None:
        """The other parameters of a function that the value is given to: what is not known of
        them is of the program's own, as it is where nobody gives them, unless the value is given
        to two of them."""
        site, place = segment[-1].site, segment[-1].place
        if site < 0:
            return
        call = self.program[place].nodes[site]
        path = self._path(segment)
        given = (*call[2], *(value for _, value in call[3]))
        once = sum(bool(self.values.leaves(place, one) & path) for one in given) < 2
        for node, value in outcomes.bound(place, call, after[0].place, known).items():
            own = outcomes.own((after[0].place, node)) if once and value is UNSAID else value
            here.setdefault(node, own)

    def _step(self, outcomes: Outcomes, state: State, known: Known, value: Any, attack: Any) -> Any:
        """What the node of a state comes to, where the one before came to `value`."""
        given = self.program[state.place].nodes[state.node]
        if given[0] == JOIN:
            return value
        known.pop(state.node, None)
        try:
            made = outcomes.of(state.place, state.node, known)
        except Refused:
            made = UNSAID
        taken = made is UNSAID or isinstance(made, Own)
        return value if taken and value == attack and _takes_out(given) else made

    def _is_let_through(
        self, outcomes: Outcomes, claim: str, segment: Segment, known: Known
    ) -> bool | None:
        """The code goes the segment's way at every condition that may be one on the value; None
        where of one of them nobody knows."""
        place = segment[0].place
        path = self._path(segment)
        for test, way in self._conditions(segment):
            passed = outcomes.passed(place, test, way, known)
            if passed:
                continue
            judged = self.guards.judged(place, test, way & WAY, path, claim, 0)
            if judged != UNKNOWN and not self.guards.touches(place, test, path):
                continue
            if passed is False:
                return False
            if judged != NONE:
                return None
        site = segment[-1].site  # a function's own conditions are tried where it is entered
        entered = self._functions(place, site) if site >= 0 else []
        return not any(
            outcomes.refuses(place, one, known)
            for one in outcomes.checks(place)
            if self.values.leaves(place, one) & path
            and one not in path
            and not (entered and entered == self._functions(place, one))
        )

    def _functions(self, place: Place, call: int) -> list[Place]:
        """The functions of the project that a call may mean; none where it is no call."""
        given = self.program[place].nodes[call]
        meanings = self.program.meanings(place, given[1]) if given[0] == CALL else []
        return [one.function for one in meanings if one.function is not None]

    def _path(self, segment: Segment) -> set[Leaf]:
        return self.guards.path(segment[0].place, [one.node for one in segment])

    def _conditions(self, segment: Segment) -> list[tuple[int, int]]:
        controls = self.program[segment[0].place].controls
        found: dict[tuple[int, int], None] = {}
        for link in _links(segment):
            while link >= 0:
                test, way, link = controls[link]
                found[test, way] = None
        return list(found)


def _links(segment: Segment) -> list[int]:
    return [link for one in segment for link in one.links]


def _takes_out(given: tuple[object, ...]) -> bool:
    """The node takes a value out of one that holds it: an item, a field, what a request answers."""
    return given[0] != CALL or not given[2]


def _shown(attack: str | Archive) -> str:
    """An attack as a reader writes it: the program's own folder has no name."""
    said = f"`{attack}`" if isinstance(attack, str) else str(attack)
    return re.sub(r"own\d+", "folder", said).replace("/srv/", "/")
