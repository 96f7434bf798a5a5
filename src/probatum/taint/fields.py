"""One step back from a name or an attribute: what variables, fields and properties hold."""

from collections.abc import Iterator

from msgspec import structs

from probatum.taint import keyed
from probatum.taint.comparisons import PROVEN
from probatum.taint.flow import ATTR, CALL, CONST, FUNCTION, PARAM, Node
from probatum.taint.program import Place
from probatum.taint.rules import Sink, Source, words
from probatum.taint.segments import DEEPEST_CONTEXT, MOST_CALLERS, Before, Segments
from probatum.taint.states import State


class Fields(Segments):
    """Steps from names, attributes and the members of the project's classes."""

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
        ends, source, cls = self._looked_up(row, state.place, state.node, node)
        if source is not None:
            yield source
        if ends or source is not None:
            return
        program = self.program
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

    def _looked_up(
        self, row: Sink, place: Place, at: int, node: Node
    ) -> tuple[bool, Source | None, Place | None]:
        """Whether a path ends in an attribute, the source that it is, and its object's class."""
        key = ("attribute", row.claim, place, at)
        known: tuple[bool, Source | None, Place | None] | None = self.program.memo.get(key)
        if known is None:
            said = self.program.type_of(place, node[1])
            ends = self._ends(row, place, node, said)
            source = None if ends else self._source(row, place, at, node, said)
            known = self.program.memo[key] = ends, source, self.program.class_of(said)
        return known

    def _ends(self, row: Sink, place: Place, node: Node, said: str) -> bool:
        """An attribute that says nothing of what its object was made of."""
        if node[2] in words("own name") | words("open file", row.claim):
            return True
        if said.startswith("pathlib.") and node[2] in words("cleaner", row.claim):
            return True
        return self._is_of_open_file(row, place, node, said)

    def _source(self, row: Sink, place: Place, at: int, node: Node, said: str) -> Source | None:
        return (
            self.origins.of_name(row, self.program.dotted(place, at))
            or self.origins.of_type(said)
            or self.origins.of_attribute(row, place, node)
            or self.origins.of_field(place, node)
        )

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
        for place, call in self.callers.of(cls)[:MOST_CALLERS]:
            _, _, arguments, keywords = self.program[place].nodes[call]
            found = [value for keyword, value in keywords if keyword == name]
            if name in listed:
                at = listed.index(name)
                found += arguments[at : at + 1]
            for value in found:
                says = f"kept by `{self.program[cls].name}`"
                yield guarded.across(place, value, says, self.link(place, call), site=call)

    def _property(
        self, state: State, guarded: State, member: Place | None, name: str
    ) -> Iterator[State]:
        if member is None or self.program[member].kind != "function":
            return
        for value, link in self.program[member].exits:
            if value >= 0 and len(state.context) < DEEPEST_CONTEXT:
                yield guarded.across(
                    member,
                    value,
                    f"the property `{name}`",
                    link,
                    context=state.context,
                    part=state.part,
                    wanted=state.wanted,
                )

    def _setting(self) -> frozenset[Place | None]:
        """The classes of which a method stores attributes by computed names."""
        known: frozenset[Place | None] | None = self.program.memo.get(("setting",))
        if known is None:
            calls = self.program.calls.get("setattr", ())
            owners = (self.program.owner((module, index)) for module, index, _ in calls)
            known = self.program.memo["setting",] = frozenset(owners)
        return known

    def _constructed(self, state: State, cls: Place, node: Node) -> Iterator[State]:
        """An attribute that no method stores by name: made of what the object is made of."""
        program = self.program
        stored = node[2] in program.members[cls] or node[2] in program.stored(cls)
        sets = cls in self._setting()
        value = program[state.place].nodes[node[1]]
        if value[0] == CALL and (sets or not stored):
            for argument in (*value[2], *(one for _, one in value[3])):
                yield state.within(argument, f"kept by `{program[cls].name}`")
