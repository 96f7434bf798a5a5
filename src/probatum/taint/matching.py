"""Which calls are sinks, and which of their arguments must not come from outside."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from probatum.taint.callers import Callers
from probatum.taint.comparisons import NONE, UNKNOWN
from probatum.taint.flow import ATTR, CALL, CONST, HOLDS, NAME, PACK, PARAM, Node, operands
from probatum.taint.program import Place, Program
from probatum.taint.rules import Sink, sinks, words
from probatum.taint.values import Values

_PARSERS = ("XMLParser", "XMLPullParser", "ETCompatXMLParser")
_DEEPEST_MENTION = 2  # calls that a filter's attributes are looked for in
_DEEPEST_WAY = 2  # calls behind a method of the project, in which another takes the statement


@cache
def _takers_of_statements(any_text: bool) -> frozenset[str]:
    """The names of calls that take statements, by name alone or by how the text begins as well."""
    return frozenset(
        name
        for name, rows in sinks().items()
        for row in rows
        if row.claim == "no-sql-injection" and (any_text or not (row.verbs or row.called))
    )


class Sinks:
    """Matches the calls of one program with rows."""

    def __init__(self, program: Program, values: Values, callers: Callers) -> None:
        self.program = program
        self.values = values
        self.callers = callers

    def is_sink(self, row: Sink, place: Place, node: int) -> bool:
        """The call is what the row names, in a way that it calls dangerous."""
        call = self.program[place].nodes[node]
        return self._calls(row, place, node, call) and self._dangerous(row, place, call)

    def arguments(self, row: Sink, place: Place, call: Node) -> list[int]:
        """The nodes of the arguments that matter."""
        found: list[int] = []
        for wanted in row.arguments:
            if isinstance(wanted, int):
                found += call[2][wanted : wanted + 1]
            elif wanted == "self":
                callee = self.program[place].nodes[call[1]]
                found += [callee[1]] if callee[0] == ATTR else []
            else:
                found += [value for name, value in call[3] if name == wanted]
        return [self._program_of(place, one) for one in found] if row.program else found

    def _program_of(self, place: Place, node: int) -> int:
        """Of a list that begins with a program, that."""
        given = self.program[place].nodes[node]
        return given[1] if given[0] == PACK and len(given) > 1 else node

    def _calls(self, row: Sink, place: Place, node: int, call: Node) -> bool:
        program = self.program
        callee = program[place].nodes[call[1]]
        meanings = program.meanings(place, call[1])
        if any(meaning.outside in row.calls for meaning in meanings if meaning.outside):
            return True
        if callee[0] != ATTR or callee[2] not in row.methods:
            return False
        said = program.type_of(place, callee[1]).removesuffix("()")
        if any(one.outside.rpartition(".")[0] in row.harmless for one in meanings):
            return False
        if row.called:
            return self.values.called(place, callee[1]).strip("_") in row.called
        if not row.receivers:
            inside = [meaning.function for meaning in meanings if meaning.function]
            if inside and not (row.own and all(map(self._is_own_way, inside))):
                return False
            return not self._is_harmless(row, place, node, said)
        last = said.rpartition(".")[2]
        return any(said == one or last == one.rpartition(".")[2] for one in row.receivers)

    def _is_own_way(self, place: Place) -> bool:
        """A method of the project that takes a statement and calls no other that does: how it
        reaches a database is its own matter."""
        key = ("own way", place)
        known: bool | None = self.program.memo.get(key)
        if known is None:
            named = not words("statement").isdisjoint(self.program[place].parameters[1:2])
            known = self.program.memo[key] = named and self._hands_on_to_none(place, 0)
        return known

    def _hands_on_to_none(self, place: Place, depth: int) -> bool:
        """No call in a function, nor in those that it calls, takes a statement."""
        function = self.program[place]
        deeper: list[Place] = []
        for node in function.nodes:
            if node[0] != CALL or not (node[2] or node[3]):
                continue
            meant = (one.function for one in self.program.meanings(place, node[1]))
            inside = [one for one in meant if one is not None]
            short = self.program.short(place, node[1])
            if short in _takers_of_statements(depth == 0) and place not in inside:
                return False
            deeper += [one for one in inside if self.program[one].kind == "function"]
        return depth >= _DEEPEST_WAY or all(
            self._hands_on_to_none(one, depth + 1) for one in deeper if one != place
        )

    def _is_harmless(self, row: Sink, place: Place, call: int, said: str) -> bool:
        """The object is of one of the row's harmless types: by what made it, or by a test."""
        if said in row.harmless or not row.harmless:
            return bool(row.harmless)
        function = self.program[place]
        receiver = function.nodes[function.nodes[call][1]][1]
        link = function.under.get(call, -1)
        while isinstance(link, int) and link >= 0:
            test, way, link = function.controls[link]
            node = function.nodes[test]
            if way == HOLDS and node[0] == CALL and len(node[2]) > 1 and node[2][0] == receiver:
                typed = self.program.short(place, node[1]) == "isinstance"
                if typed and self.program.dotted(place, node[2][1]) in row.harmless:
                    return True
        return False

    def _dangerous(self, row: Sink, place: Place, call: Node) -> bool:
        nodes = self.program[place].nodes
        if row.most and len(call[2]) > row.most:
            return False
        if any(nodes[one][0] == CONST for at in row.unless_said for one in call[2][at : at + 1]):
            return False
        given = {name: nodes[value] for name, value in call[3] if name}
        if any(given.get(name) == (CONST, value) for name, value in row.unless.items()):
            return False
        for name, value in row.only.items():
            if name not in given or given[name] == (CONST, not value):
                return False
        if row.shell and call[2] and not self._may_be_of_shell(place, call[2][0]):
            return False
        for name, safe in row.unless_made.items():
            values = [node for key, node in call[3] if key == name] or list(call[2][1:2])
            if values and not any(self._made_without(place, one, safe) for one in values):
                return False
        return not any(
            self.program.dotted(place, value) in types
            for name, types in row.unless_type.items()
            for value in (*(node for key, node in call[3] if key == name), *call[2][1:2])
        )

    def _made_without(self, place: Place, node: int, safe: dict[str, Any]) -> bool:
        """The object is made here, by a call without the keyword that makes it harmless."""
        given = self.program[place].nodes[node]
        made = list(self.program.values(place, given[1])) if given[0] == NAME else [(place, node)]
        said = []
        for where, value in made:
            nodes = self.program[where].nodes
            if nodes[value][0] == CALL and self.program.short(where, nodes[value][1]) in _PARSERS:
                said.append({key: nodes[one] for key, one in nodes[value][3]})
        return bool(said) and not any(
            one.get(key) == (CONST, value) for one in said for key, value in safe.items()
        )

    def _may_be_of_shell(self, place: Place, node: int) -> bool:
        """A shell's script, or a value of which nothing is known yet."""
        return self.program[place].nodes[node][0] != PACK or self.values.of_shell(place, node)

    # Files of the code's own

    def own_file(self, row: Sink, place: Place, starts: list[int]) -> bool:
        """The file that is read is one that this function, or another of the object, writes.

        Who may choose its name reads what the program wrote, as a cache or a saved state. What
        makes an object of a file, as class methods do, is given the files of others as well.
        """
        if row.claim != "no-unsafe-deserialization":
            return False
        read = {name for one in starts for name in self._named(place, one)}
        cls = self.program.owner(place)
        of_object = cls is not None and self.program[place].parameters[:1] == ("self",)
        methods = self.program.members[cls].values() if cls is not None and of_object else (place,)
        return any(read & self._written(one) for one in methods)

    def _written(self, place: Place) -> set[str]:
        """The names of what a function hands to calls that write."""
        nodes = self.program[place].nodes
        writers = words("writer")
        found: set[str] = set()
        for node in nodes:
            if node[0] == CALL and self.program.short(place, node[1]) in writers:
                for value in (*node[2], *(one for _, one in node[3])):
                    found.update(self._named(place, value))
        return found

    def _named(self, place: Place, node: int) -> Iterator[str]:
        """The parameters, fields and methods of the own object that a value is made of.

        A parameter is called as the field that it is kept in: `cache_path`, `self.cache_path`.
        """
        nodes = self.program[place].nodes
        for leaf in self.values.leaves(place, node):
            if isinstance(leaf, int) and nodes[leaf][0] == CALL:
                callee = nodes[nodes[leaf][1]]
                if callee[0] == ATTR and nodes[callee[1]][:2] == (PARAM, 0):
                    yield f"{callee[2]}()"
                continue
            base, field = (leaf, None) if isinstance(leaf, int) else leaf
            if nodes[base][0] == PARAM:
                name = self.values.parameter(place, nodes[base][1])
                if name not in ("self", "cls"):
                    yield name.lstrip("_")
                elif field is not None:
                    yield str(field).lstrip("_")

    # What the call itself keeps out

    def filtered(self, row: Sink, place: Place, call: Node) -> tuple[int, str]:
        """What a keyword of the call guards: a switch that is safe unless somebody turns it, and
        what `members=` of an extraction lets through, where a filter of names stops no link."""
        for name, value in call[3]:
            wanted = {**row.only, **{one: not at for one, at in row.unless.items()}}.get(name)
            if isinstance(wanted, bool) and self._is_off(place, value, wanted):
                return UNKNOWN, f"{name}={self.values.words(place, value)}"
        filters = [value for name, value in call[3] if name == "members"]
        for value in filters if row.claim == "no-archive-traversal" else ():
            if self._mentioned(place, value) & words("link attribute"):
                return UNKNOWN, f"members={self.values.words(place, value)}"
        return NONE, ""

    def _is_off(self, place: Place, node: int, wanted: bool) -> bool:
        """A value is the default of a parameter, or what a constructor keeps of one, other than
        `wanted`, which no call of the project gives in its place."""
        given = self.program[place].nodes[node]
        if given[0] == PARAM:
            return self._defaults_to(place, given[1], not wanted)
        cls = self.program.owner(place)
        if given[0] != ATTR or self.program[place].nodes[given[1]][:2] != (PARAM, 0) or cls is None:
            return False
        kept = [(where, value) for where, value, _ in self.program.kept(cls, given[2])]
        return bool(kept) and all(
            self.program[where].nodes[value][0] == PARAM
            and self._defaults_to(where, self.program[where].nodes[value][1], not wanted)
            for where, value in kept
        )

    def _defaults_to(self, place: Place, position: int, value: bool) -> bool:
        function = self.program[place]
        name = self.values.parameter(place, position)
        if function.defaults.get(name) is not value:
            return False
        return not any(
            self.program[caller].nodes[one] == (CONST, not value)
            for caller, call in self.callers.of(place)
            for keyword, one in self.program[caller].nodes[call][3]
            if keyword == name
        )

    # Filters of an archive's members

    def _mentioned(self, place: Place, node: int) -> set[str]:
        """The attributes that a value is computed by, in the functions that it calls too."""
        function = self.program[place]
        found: set[str] = set()
        seen: set[int] = set()
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if one in seen or one < 0:
                continue
            seen.add(one)
            given = function.nodes[one]
            if given[0] == ATTR:
                found.add(given[2])
            elif given[0] == CALL:
                found |= self._mentioned_by(place, given, 1)
            waiting += self._conditions(place, one)
            waiting += operands(given)
        return found

    def _mentioned_by(self, place: Place, call: Node, depth: int) -> set[str]:
        """The attributes that occur in the functions a call may mean."""
        found: set[str] = set()
        for meaning in self.program.meanings(place, call[1]):
            body = meaning.function
            for inner in self.program[body].nodes if body is not None else ():
                if inner[0] == ATTR:
                    found.add(inner[2])
                elif inner[0] == CALL and body is not None and depth < _DEEPEST_MENTION:
                    found |= self._mentioned_by(body, inner, depth + 1)
        return found

    def _conditions(self, place: Place, node: int) -> list[int]:
        function = self.program[place]
        under = function.under.get(node, -1)
        found = []
        for link in under if isinstance(under, tuple) else (under,):
            while link >= 0:
                test, _, link = function.controls[link]
                found.append(test)
        return found
