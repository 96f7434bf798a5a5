"""One step back: the values that a value is made of, in its function and across functions."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import structs

from probatum.taint import keyed, written
from probatum.taint.answers import Answers
from probatum.taint.comparisons import PROVEN, UNKNOWN
from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    CONST,
    EACH,
    EITHER,
    HANDED,
    ITEM,
    JOIN,
    MATH,
    NAME,
    OTHER,
    PACK,
    PARAM,
    PART,
    STAR,
    TEXT,
    Node,
)
from probatum.taint.program import Place
from probatum.taint.rules import Sink, words
from probatum.taint.segments import MOST_CALLERS, Before
from probatum.taint.states import ALONE, BEHIND_OWN, KEYS, State


class Steps(Answers):
    """Steps of one program's values, for the sink that `row` describes."""

    def before(self, row: Sink, state: State) -> Iterator[Before]:
        """Where the value of a state comes from: earlier states, or a source."""
        node = self.program[state.place].nodes[state.node]
        kind = node[0]
        if state.site >= 0 and not state.far and row.claim in written.CLAIMS:
            for value in written.written(self.values, state.place, state.node, state.site):
                yield structs.replace(state, node=value)
        if kind == PARAM:
            yield from self._parameter(row, state, node[1])
        elif kind == CALL and state.part == HANDED:
            source = self.origins.of_handed(self.program.short(state.place, node[1]))
            yield from [source] if source is not None else []
        elif kind == CALL:
            yield from (self._record if state.whole else self._call)(row, state, node)
        elif kind == ATTR:
            yield from self._attribute(row, state, node)
        elif kind == NAME:
            yield from self._name(row, state, node[1])
        elif kind == JOIN:
            yield from self._alternatives(row, state, node)
        elif kind == TEXT:
            yield from self.texts.states(row, state, node)
        elif kind == MATH and node[1] == "Div":
            base = ALONE if row.shell else self.texts.base(state.place, node[2])
            yield state.within(node[3], "joined to a path", joined=base)
            yield state.within(node[2])
        elif kind == EACH and (zipped := self._zipped(state, node[1])) is not None:
            for one in zipped:
                yield state.within(one)
        elif kind == ITEM and self.texts.has_no_slash(row, state, node):
            return
        elif kind == ITEM:
            wanted = keyed.taken(self.program[state.place], node, state.wanted)
            yield state.within(node[1], inner=True, wanted=wanted)
        elif kind == EACH and state.part >= 0 and self._is_items(state.place, node[1]):
            yield state.within(node[1], part=state.part)
        elif kind in (EACH, STAR):
            wanted = state.wanted[:1] if state.wanted == (KEYS,) else ()
            if kind == EACH and self.values.is_keywords(state.place, node[1]):
                wanted = (KEYS,)
            yield state.within(node[1], wanted=wanted)
        elif kind == PART:
            yield state.within(node[1], part=node[2])
        elif kind == PACK and row.shell and self.values.of_shell(state.place, state.node):
            for one in self.values.scripts(state.place, state.node):
                yield state.within(one, "in a shell's script", joined=BEHIND_OWN)
        elif kind == PACK and 0 <= state.part < len(node) - 1:
            yield state.within(node[1 + state.part])
        elif kind == PACK and row.program:
            yield from [state.within(node[1], part=state.part)] if len(node) > 1 else []
        elif (
            kind == PACK
            and (chosen := keyed.of_display(self.program[state.place], node, state.wanted))
            is not None
        ):
            for one, wanted in chosen:
                yield state.within(one, wanted=wanted)
        elif kind == EITHER:
            for one in node[1:]:
                yield state.within(one, wanted=state.wanted)
        elif kind in (PACK, OTHER):
            for one in node[1:]:
                yield state.within(one)
        elif kind == BOTH:
            yield state.within(node[-1], wanted=state.wanted)

    # Within a function

    def _alternatives(self, row: Sink, state: State, node: Node) -> Iterator[State]:
        under = self.program[state.place].under.get(state.node, ())
        known = under if isinstance(under, tuple) else ()
        if row.joined and known[:1] == (-1,) and self._is_open_file(state):
            return
        function = self.program[state.place]
        checked = self.guards.is_checked(state.place, state.node, row.claim)
        for position, one in enumerate(node[1:]):
            wanted: keyed.Wanted | None = state.wanted
            if position and keyed.is_filled(function, one):
                wanted = keyed.of_fill(function, one, state.wanted, node[1])
            elif known[:1] == (-1,) and position:  # what `append` and the like put there
                wanted = None if row.program else ()
            if one != state.node and wanted is not None:
                links = known[position : position + 1]
                before = state.within(one, links=links, part=state.part, wanted=wanted)
                switch = self.guards.switches.switch(state.place, links) if checked else ""
                yield before.guarded(UNKNOWN, switch) if switch and not before.level else before

    def _is_open_file(self, state: State) -> bool:
        """A file that is no name of one, whatever was written into it."""
        made = self.values.before_writing(state.place, state.node)
        named = self.program.short(state.place, made[1]) if made[0] == CALL else ""
        return named in ("BytesIO", "StringIO", "TemporaryFile", "SpooledTemporaryFile")

    def _is_items(self, place: Place, node: int) -> bool:
        """What `items()` of a dictionary answers: its keys and values in pairs."""
        nodes = self.program[place].nodes
        if nodes[node][0] != CALL or nodes[node][2]:
            return False
        callee = nodes[node][1]
        items = nodes[callee][0] == ATTR and nodes[callee][2] == "items"
        return items and not any(one.function for one in self.program.meanings(place, callee))

    def _zipped(self, state: State, node: int) -> tuple[int, ...] | None:
        """What the part that is meant of each tuple of `zip` or `enumerate` is taken of.

        The number of `enumerate` is of nothing; None where a value is no answer of either.
        """
        nodes = self.program[state.place].nodes
        callee: Node = nodes[nodes[node][1]] if nodes[node][0] == CALL else (CONST, None)
        if state.part < 0 or callee[0] != NAME or callee[1] not in ("zip", "enumerate"):
            return None
        at = state.part - (callee[1] == "enumerate")
        return tuple(nodes[node][2][at : at + 1]) if at >= 0 else ()

    # Parameters

    def _parameter(self, row: Sink, state: State, position: int) -> Iterator[Before]:
        place = state.place
        if state.context:
            yield from self._left(row, state, position)
            return
        function = self.program[place]
        name = self.values.parameter(place, position)
        method = self.program.owner(place) is not None
        if method and position == 0 and name in ("self", "cls"):
            return
        if _carries_no_text(function.annotations.get(name, "")):
            return
        provider = self._provider(place, name)
        if provider is not None:
            for value, link in self.program[provider].exits:
                if value >= 0:
                    yield state.across(provider, value, f"provided as `{name}`", link)
            return
        source = self.origins.of_parameter(place, name)
        if source is not None:
            yield source
            return
        guarded = self.guarded(row, state)
        if guarded.level == PROVEN:
            return
        callers = self.callers.of(place)
        for caller, call in callers[:MOST_CALLERS]:
            for value, wanted in self._given(caller, call, place, position, state.wanted):
                link = self.link(caller, call)
                says = f"given to `{function.name}`"
                yield guarded.across(caller, value, says, link, site=call, wanted=wanted)
        if self.origins.enough(row, state, name) and self.origins.public(row, place, bool(callers)):
            yield f"the parameter {name!r} of {function.name}, for its callers to choose"

    def _provider(self, place: Place, name: str) -> Place | None:
        """The function that a framework calls for a parameter's value."""
        said = self.program[place].provided.get(name)
        found = self.program.found(self.program.annotated(place, said)) if said else None
        return found if found is not None and self.program[found].kind == "function" else None

    def _left(self, row: Sink, state: State, position: int) -> Iterator[State]:
        """A parameter of a function that was entered by what it returns to a call."""
        caller, call = state.context[-1]
        guarded = self.guarded(row, state)
        if guarded.level == PROVEN:
            return
        says = f"given to `{self.program[state.place].name}`"
        for value, wanted in self._given(caller, call, state.place, position, state.wanted):
            link, context = self.link(caller, call), state.context[:-1]
            yield guarded.across(
                caller, value, says, link, context=context, site=call, wanted=wanted
            )

    def _given(
        self, caller: Place, call: int, place: Place, position: int, wanted: keyed.Wanted
    ) -> list[tuple[int, keyed.Wanted]]:
        """The arguments of a call that a parameter may receive, and what is wanted of them."""
        function = self.program[place]
        nodes = self.program[caller].nodes
        _, callee, arguments, keywords = nodes[call]
        name = self.values.parameter(place, position)
        found = [(value, wanted) for keyword, value in keywords if keyword == name]
        said = bool(found)
        shift = 0
        if self.program.owner(place) is not None and function.parameters[:1] in _RECEIVERS:
            bound = nodes[callee][0] == ATTR
            shift = 1 if bound or function.name.endswith("__init__") else 0
            if shift and position == 0:
                return [(nodes[callee][1], wanted)] if bound else []
        at = position - shift
        if position < function.first_keyword and 0 <= at < len(arguments):
            found.append((arguments[at], wanted))
            said = said or not any(nodes[one][0] == STAR for one in arguments[: at + 1])
        if position < len(function.parameters) and not said:  # by `**`: what nothing else gives
            found += [(value, (name, *wanted)) for keyword, value in keywords if keyword is None]
        elif position == len(function.parameters):
            found += [(one, ()) for one in arguments[max(0, function.first_keyword - shift) :]]
        elif position > len(function.parameters):
            found += keyed.of_keywords(keywords, function.parameters, wanted)
        return found + [(one, ()) for one in arguments if nodes[one][0] == STAR]


_RECEIVERS: tuple[Any, ...] = (("self",), ("cls",))


_AROUND = {
    "Optional", "Union", "None", "typing", "list", "List", "tuple", "Tuple", "set", "Set",
    "Sequence", "Iterable",
}  # fmt: skip


def _carries_no_text(said: str) -> bool:
    """A type whose values carry no text: a number, a truth value."""
    said = re.sub(r"Callable\[.*", "Callable", said)
    said = re.sub(r"Literal\[[^\]]*\]", "bool", said)
    named = set(re.findall(r"[A-Za-z_.]+", said)) - _AROUND
    return bool(named) and named <= words("no text")
