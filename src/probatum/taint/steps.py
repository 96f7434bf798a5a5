"""One step back: the values that a value is made of, in its function and across functions."""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import structs

from probatum.taint import keyed, written
from probatum.taint.callers import Callers
from probatum.taint.flow import (
    ATTR,
    BOTH,
    CALL,
    COLUMN_BITS,
    CONST,
    EACH,
    EITHER,
    FUNCTION,
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
from probatum.taint.guards import PROVEN, UNKNOWN, Guards
from probatum.taint.origins import Origins
from probatum.taint.program import Meaning, Place, Program
from probatum.taint.rules import Sink, Source, words
from probatum.taint.states import ALONE, BEHIND_OWN, KEYS, State
from probatum.taint.texts import Texts
from probatum.taint.values import Values

Before = State | Source | str  # an earlier state, or where the value comes from

_MOST_CALLERS, _MOST_CALLED, _DEEPEST_CONTEXT = 40, 4, 5
_JOINING = ("join", "joinpath")
_FORMATTING = ("format", "join", "format_map")
_TAKING = ("get", "pop")
_OF_NAMES = ("no-path-traversal", "no-request-forgery", "no-unsafe-reflection")


class Steps:
    """Steps of one program's values, for the sink that `row` describes."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.values = Values(program)
        self.texts = Texts(program, self.values)
        self.guards = Guards(program, self.values)
        self.origins = Origins(program, self.values)
        self.callers = Callers(program)

    def before(self, row: Sink, state: State) -> Iterator[Before]:
        """Where the value of a state comes from: earlier states, or a source."""
        node = self.program[state.place].nodes[state.node]
        kind = node[0]
        if state.site >= 0 and not state.far and row.claim in written.CLAIMS:
            for value in written.written(self.program, state.place, state.node, state.site):
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
        return state.guarded(level, f"{said} (line {place >> COLUMN_BITS})")

    # Within a function

    def _alternatives(self, row: Sink, state: State, node: Node) -> Iterator[State]:
        under = self.program[state.place].under.get(state.node, ())
        known = under if isinstance(under, tuple) else ()
        if row.joined and known[:1] == (-1,) and self._is_open_file(state):
            return
        function = self.program[state.place]
        checked = any(self.guards.is_checked(state.place, one, row.claim) for one in node[1:])
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
        for caller, call in callers[:_MOST_CALLERS]:
            for value, wanted in self._given(caller, call, place, position, state.wanted):
                link = self._link(caller, call)
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
            link, context = self._link(caller, call), state.context[:-1]
            yield guarded.across(
                caller, value, says, link, context=context, site=call, wanted=wanted
            )

    def _link(self, place: Place, call: int) -> int:
        under = self.program[place].under.get(call, -1)
        return under if isinstance(under, int) else -1

    def _given(
        self, caller: Place, call: int, place: Place, position: int, wanted: keyed.Wanted
    ) -> list[tuple[int, keyed.Wanted]]:
        """The arguments of a call that a parameter may receive, and what is wanted of them."""
        function = self.program[place]
        nodes = self.program[caller].nodes
        _, callee, arguments, keywords = nodes[call]
        name = self.values.parameter(place, position)
        found = [(value, wanted) for keyword, value in keywords if keyword == name]
        if position < len(function.parameters):
            found += [(value, (name, *wanted)) for keyword, value in keywords if keyword is None]
        shift = 0
        if self.program.owner(place) is not None and function.parameters[:1] in _RECEIVERS:
            bound = nodes[callee][0] == ATTR
            shift = 1 if bound or function.name.endswith("__init__") else 0
            if shift and position == 0:
                return [(nodes[callee][1], wanted)] if bound else []
        at = position - shift
        if position < function.first_keyword and 0 <= at < len(arguments):
            found.append((arguments[at], wanted))
        elif position == len(function.parameters):
            found += [(one, ()) for one in arguments[max(0, function.first_keyword - shift) :]]
        elif position > len(function.parameters):
            found += keyed.of_keywords(keywords, function.parameters, wanted)
        return found + [(one, ()) for one in arguments if nodes[one][0] == STAR]

    # Calls

    def _call(self, row: Sink, state: State, node: Node) -> Iterator[Before]:
        program = self.program
        callee = program[state.place].nodes[node[1]]
        short = program.short(state.place, node[1]) if callee[0] != FUNCTION else ""
        meanings = program.meanings(state.place, node[1])
        if self._cleans(row, short, meanings) or self.guards.removes(
            state.place, node, short, row.claim
        ):
            return
        source = self.origins.of_answer(row, state.place, node, short, meanings)
        if source is not None:
            yield source
            return
        entered = list(self._entered(row, state, meanings))
        if entered or (len(state.context) >= _DEEPEST_CONTEXT and self._answers(meanings)):
            yield from entered
            return
        if callee[0] == ATTR and not (meanings and meanings[0].function):
            yield from self._receiver(row, state, node, callee[1], short)
        inner = keyed.of_sink(row, node, short, meanings)
        filled = list(keyed.of_record(program, state.place, node, state.wanted)) or inner
        chosen = filled or keyed.of_arguments(node, short, state.wanted)
        yield from self._arguments(row, state, node, short, chosen)

    def _cleans(self, row: Sink, short: str, meanings: list[Meaning]) -> bool:
        """What the call returns carries nothing that is dangerous for the claim."""
        clean = words("cleaner", row.claim)
        for one in meanings:  # `library.made().changed()` is as clean as `library.made()`
            made = one.outside.partition("()")[0]
            if {one.outside.rpartition(".")[2], made} & clean:
                return True
        return short in clean and not any(one.function for one in meanings)

    def _answers(self, meanings: list[Meaning]) -> bool:
        """A function of the project is meant that returns something: no path leads around it."""
        return any(one.function and self.program[one.function].exits for one in meanings)

    def _entered(self, row: Sink, state: State, meanings: list[Meaning]) -> Iterator[State]:
        """What the functions of the project that a call may mean return."""
        if len(state.context) >= _DEEPEST_CONTEXT:
            return
        context = (*state.context, (state.place, state.node))
        targets = [one.function for one in meanings if one.function is not None]
        guarded: State | None = None
        for target in targets[:_MOST_CALLED]:
            called = self.program[target]
            for value, link in called.exits if called.kind == "function" else ():
                if value >= 0:
                    guarded = guarded or self._changed(row, self.guarded(row, state), target)
                    says = f"returned by `{called.name}`"
                    yield guarded.across(
                        target, value, says, link, context=context, part=state.part,
                        wanted=state.wanted,
                    )  # fmt: skip

    def _changed(self, row: Sink, state: State, target: Place) -> State:
        """The state behind a function that makes harmless, by its name, what it returns."""
        short = self.program[target].name.rpartition(".")[2].lower()
        named = any(
            word in short and f"un{word}" not in short for word in words("sanitizer", row.claim)
        )
        idle = row.joined and not self.program[target].controls  # it asks nothing of the name
        if state.level or not named or idle:
            return state
        line = self.program[state.place].places[state.node] >> COLUMN_BITS
        return state.guarded(UNKNOWN, f"{self.values.words(state.place, state.node)} (line {line})")

    def _receiver(
        self, row: Sink, state: State, call: Node, base: int, short: str
    ) -> Iterator[State]:
        """What a method is called on, unless that is a module."""
        given = self.program[state.place].nodes[base]
        if given[0] == NAME and self._is_module(row, state.place, given[1]):
            return
        link = self._link(state.place, state.node)
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
        line = self.program[state.place].places[state.node] >> COLUMN_BITS
        return before.guarded(
            UNKNOWN, f"{self.values.words(state.place, state.node)} (line {line})"
        )

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
        link = self._link(state.place, state.node)
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
        program = self.program
        callee = program[state.place].nodes[node[1]]
        short = program.short(state.place, node[1]) if callee[0] != FUNCTION else ""
        meanings = program.meanings(state.place, node[1])
        source = self.origins.of_answer(row, state.place, node, short, meanings)
        if source is not None:
            yield source
            return
        entered = list(self._entered(row, state, meanings))
        yield from entered
        if entered or self._answers(meanings):
            return
        if callee[0] == ATTR and short in words("keeps text"):
            yield from self._receiver(row, state, node, callee[1], short)
        made = node[2] if short in words("makes a record") else ()
        for value in (*made, *(one for name, one in node[3] if name is None)):
            yield state.within(
                value, f"through `{short}()`", links=(self._link(state.place, state.node),)
            )

    # Names and attributes

    def _name(self, row: Sink, state: State, name: str) -> Iterator[Before]:
        source = self.origins.of_name(row, self.program.absolute(state.place, name))
        if source is not None:
            yield source
            return
        for where, value in self.program.values(state.place, name):
            if self.program[where].nodes[value][0] not in (FUNCTION, CONST):
                says, wanted = f"the variable `{name}`", state.wanted
                yield state.across(where, value, says, part=state.part, wanted=wanted)

    def _attribute(self, row: Sink, state: State, node: Node) -> Iterator[Before]:
        program = self.program
        said = program.type_of(state.place, node[1])
        if node[2] in words("own name") | words("open file", row.claim) or (
            said.startswith("pathlib.") and node[2] in words("cleaner", row.claim)
        ):
            return
        if self._is_of_open_file(row, state.place, node, said):
            return
        source = self.origins.of_name(row, program.dotted(state.place, state.node))
        source = source or self.origins.of_type(said)
        source = source or self.origins.of_attribute(row, state.place, node)
        source = source or self.origins.of_field(state.place, node)
        if source is not None:
            yield source
            return
        cls = program.class_of(said)
        if cls is None:
            wanted = keyed.taken(program[state.place], node, state.wanted)
            yield state.within(node[1], f"its `{node[2]}`", inner=True, wanted=wanted)
            return
        base = program[state.place].nodes[node[1]]
        if base[0] == PARAM and self.values.parameter(state.place, base[1]) != "self":
            state = structs.replace(state, inner=True)  # an object that the caller gives
        guarded = self.guarded(row, state)
        if guarded.level < PROVEN:
            yield from self._member(row, state, guarded, cls, node)
            if self.origins.is_record(cls) and not self._is_self(state.place, base):
                whole = state.within(node[1], f"its `{node[2]}`", inner=True)
                yield structs.replace(whole, whole=True)

    def _is_of_open_file(self, row: Sink, place: Place, node: Node, said: str) -> bool:
        """The file of an upload, or the name that a temporary file was made with."""
        if said.endswith("UploadFile") and row.claim == "no-path-traversal":
            return bool(node[2] == "file")
        made = self.values.before_writing(place, node[1])
        temporary = made[0] == CALL and self.program.short(place, made[1]).endswith("TemporaryFile")
        return temporary and bool(node[2] == "name")

    def _is_self(self, place: Place, given: Node) -> bool:
        named = given[0] == PARAM and self.values.parameter(place, given[1]) in ("self", "cls")
        return named and self.program.owner(place) is not None

    def _member(
        self, row: Sink, state: State, guarded: State, cls: Place, node: Node
    ) -> Iterator[Before]:
        """An attribute of an object of the project's class: a property, what is kept, a field."""
        program = self.program
        name = node[2]
        ancestors = [one for one, _ in program.ancestry(cls) if one is not None]
        for ancestor in ancestors:
            yield from self._property(state, guarded, program.members[ancestor].get(name), name)
            for where, value, link in program.kept(ancestor, name):
                wanted: keyed.Wanted | None = state.wanted
                if keyed.is_filled(program[where], value):
                    wanted = keyed.of_fill(program[where], value, state.wanted)
                if wanted is not None:
                    says = f"kept in `self.{name}`"
                    yield guarded.across(where, value, says, link, part=state.part, wanted=wanted)
        if self.origins.is_record_field(row, ancestors, name):
            if self._is_filled_here(state.place, node[1], name):
                return
            if program[cls].name.rpartition(".")[2].startswith("_"):
                yield from self._makers(guarded, ancestors, name)
            elif self.origins.enough(row, guarded, name, field=True):
                yield f"the field {name!r} of {program[cls].name}, for its makers to choose"
            return
        yield from self._constructed(state, cls, node)

    def _is_filled_here(self, place: Place, node: int, name: str) -> bool:
        """An object of which a function of the project says what it fills this field with, and
        that is no field of another object."""
        given = self.program[place].nodes[node]
        meanings = self.program.meanings(place, given[1]) if given[0] == CALL else ()
        made = [self.program[one.function] for one in meanings if one.function is not None]
        answers = [(one.nodes, one.nodes[at]) for one in made for at, _ in one.exits if at >= 0]
        return bool(answers) and all(
            answer[0] == CALL
            and any(key == name and nodes[value][0] != ATTR for key, value in answer[3])
            for nodes, answer in answers
        )

    def _makers(self, guarded: State, ancestors: list[Place], name: str) -> Iterator[State]:
        """What the project itself fills a field of a record with."""
        cls = ancestors[0]
        listed = list(self.program[cls].annotations) if len(ancestors) == 1 else []
        for place, call in self.callers.of(cls)[:_MOST_CALLERS]:
            _, _, arguments, keywords = self.program[place].nodes[call]
            found = [value for keyword, value in keywords if keyword == name]
            if name in listed:
                at = listed.index(name)
                found += arguments[at : at + 1]
            for value in found:
                says = f"kept by `{self.program[cls].name}`"
                yield guarded.across(place, value, says, self._link(place, call), site=call)

    def _property(
        self, state: State, guarded: State, member: Place | None, name: str
    ) -> Iterator[State]:
        if member is None or self.program[member].kind != "function":
            return
        for value, link in self.program[member].exits:
            if value >= 0 and len(state.context) < _DEEPEST_CONTEXT:
                yield guarded.across(
                    member,
                    value,
                    f"the property `{name}`",
                    link,
                    context=state.context,
                    part=state.part,
                    wanted=state.wanted,
                )

    def _constructed(self, state: State, cls: Place, node: Node) -> Iterator[State]:
        """An attribute that no method stores by name: made of what the object is made of."""
        program = self.program
        stored = node[2] in program.members[cls] or node[2] in program.stored(cls)
        sets = any(
            program.owner((module, index)) == cls
            for module, index, _ in program.calls.get("setattr", ())
        )
        value = program[state.place].nodes[node[1]]
        if value[0] == CALL and (sets or not stored):
            for argument in (*value[2], *(one for _, one in value[3])):
                yield state.within(argument, f"kept by `{program[cls].name}`")


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
