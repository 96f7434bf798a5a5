"""One step back from a call: what its answer is made of."""

from collections.abc import Iterator
from typing import NamedTuple

from probatum.taint import keyed
from probatum.taint.comparisons import UNKNOWN
from probatum.taint.fields import Fields
from probatum.taint.flow import ATTR, FUNCTION, NAME, Node, at_line
from probatum.taint.program import Meaning, Place
from probatum.taint.rules import Sink, Source, words
from probatum.taint.segments import DEEPEST_CONTEXT, Before
from probatum.taint.states import ALONE, BEHIND_OWN, State

_MOST_CALLED = 4
_JOINING = ("join", "joinpath")
_FORMATTING = ("format", "join", "format_map")
_TAKING = ("get", "pop")
_OF_NAMES = ("no-path-traversal", "no-request-forgery", "no-unsafe-reflection")


class Answers(Fields):
    """Steps from calls, into the functions that they enter and to what they are given."""

    def _call(self, row: Sink, state: State, node: Node) -> Iterator[Before]:
        callee = self.program[state.place].nodes[node[1]]
        called = self._called(row, state.place, node)
        if called.clean:
            return
        if called.source is not None:
            yield called.source
            return
        short, meanings = called.short, called.meanings
        entered = list(self._entered(row, state, called))
        if entered or (called.answers and len(state.context) >= DEEPEST_CONTEXT):
            yield from entered
            return
        if callee[0] == ATTR and not (meanings and meanings[0].function):
            yield from self._receiver(row, state, node, callee[1], short)
        inner = keyed.of_sink(row, node, short, meanings)
        filled = list(keyed.of_record(self.program, state.place, node, state.wanted)) or inner
        chosen = filled or keyed.of_arguments(node, short, state.wanted)
        yield from self._arguments(row, state, node, short, chosen)

    def _called(self, row: Sink, place: Place, node: Node) -> "_Called":
        """What is to be known of a call, whatever state comes to it."""
        key = ("called", row.claim, place, node)
        known: _Called | None = self.program.memo.get(key)
        if known is None:
            nodes = self.program[place].nodes
            short = self.program.short(place, node[1]) if nodes[node[1]][0] != FUNCTION else ""
            meanings = self.program.meanings(place, node[1])
            functions = [one.function for one in meanings if one.function is not None]
            exits = tuple(self._exits(functions))
            known = self.program.memo[key] = _Called(
                short,
                meanings,
                self.origins.of_answer(row, place, node, short, meanings),
                self._cleans(row, short, meanings)
                or self.guards.removes(place, node, short, row.claim),
                any(self.program[one].exits for one in functions),
                exits,
                bool(exits) and self._sanitizes(exits[0][0], row.claim),
            )
        return known

    def _sanitizes(self, target: Place, claim: str) -> bool:
        """The function says by its name that it makes harmless what it returns."""
        short = self.program[target].name.rpartition(".")[2].lower()
        said = words("sanitizer", claim)
        return any(word in short and f"un{word}" not in short for word in said)

    def _exits(self, functions: list[Place]) -> Iterator[tuple[Place, int, int, str]]:
        """What functions return: the value, the link it stands under, and how it is said."""
        for one in functions[:_MOST_CALLED]:
            called = self.program[one]
            for value, link in called.exits if called.kind == "function" else ():
                if value >= 0:
                    yield one, value, link, f"returned by `{called.name}`"

    def _cleans(self, row: Sink, short: str, meanings: list[Meaning]) -> bool:
        """What the call returns carries nothing that is dangerous for the claim."""
        clean = words("cleaner", row.claim)
        for one in meanings:  # `library.made().changed()` is as clean as `library.made()`
            made = one.outside.partition("()")[0]
            if {one.outside.rpartition(".")[2], made} & clean:
                return True
        return short in clean and not any(one.function for one in meanings)

    def _entered(self, row: Sink, state: State, called: "_Called") -> Iterator[State]:
        """What the functions of the project that a call may mean return."""
        if not called.exits or len(state.context) >= DEEPEST_CONTEXT:
            return
        context = (*state.context, (state.place, state.node))
        guarded = self._changed(row, self.guarded(row, state), called)
        for target, value, link, says in called.exits:
            yield guarded.across(
                target, value, says, link, context=context, part=state.part, wanted=state.wanted
            )

    def _changed(self, row: Sink, state: State, called: "_Called") -> State:
        """The state behind a function that makes harmless, by its name, what it returns."""
        if state.level or not called.harmless:
            return state
        if row.joined and not self.program[called.exits[0][0]].controls:
            return state  # it asks nothing of the name
        return state.guarded(UNKNOWN, self._said(state))

    def _receiver(
        self, row: Sink, state: State, call: Node, base: int, short: str
    ) -> Iterator[State]:
        """What a method is called on, unless that is a module."""
        given = self.program[state.place].nodes[base]
        if given[0] == NAME and self._is_module(row, state.place, given[1]):
            return
        link = self.link(state.place, state.node)
        says = f"through `.{short}()`"
        far = short not in words("keeps text")
        function = self.program[state.place]
        wanted = keyed.of_receiver(function, call, short, state.part, state.wanted)
        inner = short in _TAKING
        yield state.within(base, says, links=(link,), inner=inner, far=far, wanted=wanted)

    def _unknown(self, row: Sink, state: State, before: State) -> State:
        """The state behind a call of which nobody knows what it answers: another place, or none."""
        if before.level or row.claim not in _OF_NAMES:
            return before
        return before.guarded(UNKNOWN, self._said(state))

    def _said(self, state: State) -> str:
        place = self.program[state.place].places[state.node]
        return at_line(self.values.words(state.place, state.node), place)

    def _is_module(self, row: Sink, place: Place, name: str) -> bool:
        """An imported name that is nothing from outside, such as `flask.request`."""
        imported = not any(self.program.values(place, name))
        return imported and self.origins.of_name(row, self.program.absolute(place, name)) is None

    def _arguments(
        self,
        row: Sink,
        state: State,
        node: Node,
        short: str,
        chosen: list[tuple[int, keyed.Wanted]] | None,
    ) -> Iterator[State]:
        if short == "format" and self.texts.formats_inside_a_name(row, state.place, node):
            return
        if row.claim == "no-request-forgery" and short == "format":
            callee = self.program[state.place].nodes[node[1]]
            if callee[0] == ATTR and self.texts.host(state.place, (callee[1],))[1]:
                return
        link = self.link(state.place, state.node)
        if chosen is None:
            chosen = [(value, ()) for value in (*node[2], *(value for _, value in node[3]))]
        values = [value for value, _ in chosen]
        joined = ALONE
        if row.text and short in _FORMATTING:
            callee = self.program[state.place].nodes[node[1]]
            begins = callee[0] != ATTR or self.texts.begins(row, state.place, callee[1])
            joined = BEHIND_OWN if begins else ALONE
        named = short in words("keeps text") or short[:1].isupper()
        asked = keyed.asked(self.program, state.place, node, short, row.claim in _OF_NAMES)
        for position, (value, wanted) in enumerate(chosen):
            if row.joined and short in _JOINING and (position > 0 or short == "joinpath"):
                callee = self.program[state.place].nodes[node[1]]
                base = callee[1] if short == "joinpath" else values[0]
                joined = self.texts.base(state.place, base)
            if position == 0 and asked == keyed.NOT_KEPT:
                continue
            says = f"through `{short}()`"
            far = not named or (position == 0 and asked == keyed.LOOKED_UP)
            before = state.within(value, says, joined=joined, links=(link,), far=far, wanted=wanted)
            yield self._unknown(row, state, before) if not named else before

    def _record(self, row: Sink, state: State, node: Node) -> Iterator[Before]:
        """What a record is as a whole: the answer of a function, or made of a mapping."""
        callee = self.program[state.place].nodes[node[1]]
        called = self._called(row, state.place, node)
        if called.source is not None:
            yield called.source
            return
        entered = list(self._entered(row, state, called))
        yield from entered
        if entered or called.answers:
            return
        short = called.short
        if callee[0] == ATTR and short in words("keeps text"):
            yield from self._receiver(row, state, node, callee[1], short)
        made = node[2] if short in words("makes a record") else ()
        for value in (*made, *(one for name, one in node[3] if name is None)):
            yield state.within(
                value, f"through `{short}()`", links=(self.link(state.place, state.node),)
            )


class _Called(NamedTuple):
    """A call as a claim sees it, whatever state comes to it.

    Its short name, what it may mean, the source that its answer is, whether that is `clean`,
    whether a function of the project `answers`: no path leads around it then, what such functions
    return (`exits`): function, value, link, words, and whether the first of them is called as one
    that makes it harmless.
    """

    short: str
    meanings: list[Meaning]
    source: Source | None
    clean: bool
    answers: bool
    exits: tuple[tuple[Place, int, int, str], ...]
    harmless: bool
