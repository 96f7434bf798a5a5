"""What a condition switches on or off: parameters, settings and environment variables."""

from typing import Any

from probatum.taint.flow import (
    ATTR,
    CALL,
    COMPARE,
    CONST,
    FAILS,
    HOLDS,
    NAME,
    NOT,
    PACK,
    PARAM,
    at_line,
)
from probatum.taint.program import Place, Program
from probatum.taint.rules import words
from probatum.taint.values import Values

SPELLING = ("lower", "upper", "casefold", "strip", "lstrip", "rstrip")
_TAKING = ("get", "pop")
_READING = ("bool", "int", "str", "strtobool", "str2bool", "str_to_bool", "parse_bool")
_ENVIRONMENT = ("os.environ.get", "os.getenv")
_OFF = ("", "0", "false", "no", "off", "none", "n", "f")


class Switches:
    """Judges the conditions of one program that are no condition on a value."""

    def __init__(self, program: Program, values: Values) -> None:
        self.program = program
        self.values = values

    def off(self, place: Place, test: int) -> bool:
        """The condition is a parameter that nobody need give: what it switches on guards no one."""
        function = self.program[place]
        node = function.nodes[test]
        if node[0] == COMPARE and node[1] == "is not" and function.nodes[node[3]] == (CONST, None):
            node = function.nodes[node[2]]
        if node[0] != PARAM or node[1] >= len(function.parameters):
            return False
        return not function.defaults.get(function.parameters[node[1]], True)

    def opted(self, place: Place, test: int, way: int) -> bool:
        """The condition is a switch that is off unless somebody turns it on."""
        key = ("opted", place, test, way)
        known: bool | None = self.program.memo.get(key)
        if known is None:
            known = self.program.memo[key] = self._opted(place, test, way)
        return known

    def _opted(self, place: Place, test: int, way: int) -> bool:
        function = self.program[place]
        node = function.nodes[test]
        if node[0] == NOT:
            return self.opted(place, node[1], opposite(way))
        if node[0] == CALL and not node[2] and self.asked(place, node[1], way):
            return True
        name = ""
        default: Any = ...
        if node[0] == PARAM and node[1] < len(function.parameters):
            name = function.parameters[node[1]]
            default = function.defaults.get(name, ...)
        elif node[0] in (ATTR, NAME):
            name = node[2] if node[0] == ATTR else node[1]
        elif node[0] == CALL:
            variable = self.variable(place, test)
            if variable is not None:
                name, default = variable[0], variable[1].lower() not in _OFF
            elif any(self.values.leaves(place, one) for one in node[2]):
                return False
            else:
                callee = function.nodes[node[1]]
                name = self.program.short(place, node[1]) if callee[0] in (ATTR, NAME) else ""
                given = [function.nodes[one] for one in node[2]]
                if name in _TAKING and given and all(one[0] == CONST for one in given):
                    name = given[0][1]  # a setting of that name, off where it is not set
                    default = given[1][1] if len(given) > 1 else None
        elif node[0] == COMPARE:
            if node[1] in ("is not", "!=", "not in"):
                way = opposite(way)
            elif node[1] not in ("is", "==", "in"):
                return False
            variable = self.variable(place, node[2])
            if node[1] in ("in", "not in"):
                return variable is not None and self.listed(place, node[3], variable, way)
            if variable is None:
                off = function.nodes[node[3]] == (CONST, False)
                return self.opted(place, node[2], opposite(way) if off else way)
            wanted = function.nodes[node[3]]
            name, default = variable[0], (CONST, variable[1]) == wanted
        chosen = words("opt-in") | (words("opt-in off") if default is False else frozenset())
        if not name or not any(word in str(name).lower() for word in chosen):
            return False
        return default is ... or bool(default) != (way == HOLDS)

    def asked(self, place: Place, callee: int, way: int) -> bool:
        """The function that is called without a value answers nothing but such a switch."""
        for meaning in self.program.meanings(place, callee)[:1]:
            called = meaning.function
            exits = self.program[called].exits if called is not None else []
            if called is None or len(exits) != 1 or exits[0][0] < 0:
                continue
            key = ("asked", called, way)
            known: bool | None = self.program.memo.get(key)
            if known is None:
                self.program.memo[key] = False  # of one that asks itself
                known = self.program.memo[key] = self.opted(called, exits[0][0], way)
            return known
        return False

    def listed(self, place: Place, node: int, variable: tuple[str, str], way: int) -> bool:
        """An environment variable must be one of some texts, of which its default is none."""
        nodes = self.program[place].nodes
        given = nodes[node]
        texts = [nodes[one] for one in given[1:]] if given[0] == PACK else []
        name, default = variable
        named = any(word in name.lower() for word in words("opt-in"))
        on = bool(texts) and all(one[0] == CONST for one in texts)
        return named and on and way == HOLDS and (CONST, default.lower()) not in texts

    def switch(self, place: Place, links: tuple[int, ...]) -> str:
        """The words of a setting that one of two ways takes, where the other one checks."""
        function = self.program[place]
        for link in links:
            test = function.controls[link][0] if link >= 0 else -1
            while test >= 0 and function.nodes[test][0] == NOT:
                test = function.nodes[test][1]
            if test >= 0 and function.nodes[test][0] in (PARAM, ATTR, NAME):
                said = self.values.words(place, test)
                return at_line(said, function.places[test])
        return ""

    def opted_into(self, cls: Place) -> bool:
        """The constructor of the class raises unless somebody turns a switch on."""
        key = ("opted into", cls)
        known: bool | None = self.program.memo.get(key)
        if known is None:
            made = self.program.member(cls, "__init__")
            raises = self.program[made].raises if made is not None else ()
            known = self.program.memo[key] = made is not None and any(
                self.opted(made, test, opposite(way))
                for link in raises
                for test, way in self.program.conditions(made, link)[:1]
            )
        return known

    def named(self, place: Place, node: Any) -> Any:
        """The constant that a variable of the module always is, else the node itself."""
        if node[0] != NAME:
            return node
        values = [
            self.program[where].nodes[one] for where, one in self.program.values(place, node[1])
        ]
        return values[0] if len(values) == 1 else node

    def variable(self, place: Place, node: int) -> tuple[str, str] | None:
        """The name and default of the environment variable that a value says, however spelt."""
        nodes = self.program[place].nodes
        given = nodes[node]
        while given[0] == CALL:
            short = self.program.short(place, given[1])
            named = nodes[given[2][0]] if given[2] else (CONST, None)
            if self.program.dotted(place, given[1]) in _ENVIRONMENT:
                named = self.named(place, named)
                default = nodes[given[2][1]] if len(given[2]) > 1 else (CONST, None)
                if (named[0], default[0]) != (CONST, CONST):
                    return None
                return str(named[1]), str(default[1] or "")
            if short in SPELLING:
                callee = nodes[given[1]]
                given = nodes[callee[1]] if callee[0] == ATTR else callee
            elif short in _READING and given[2]:
                given = named
            else:
                return None
        return None


def opposite(way: int) -> int:
    return FAILS if way == HOLDS else HOLDS
