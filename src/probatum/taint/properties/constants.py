"""What constants a value may be: through variables, fields, defaults, the environment, callers."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from probatum.taint.flow import (
    ATTR,
    CALL,
    CONST,
    EITHER,
    FUNCTION,
    ITEM,
    JOIN,
    NAME,
    PARAM,
    Function,
    Node,
)
from probatum.taint.program import Place, Program

_DEEPEST, _MOST_CALLERS, _MOST_VALUES = 6, 20, 12
_ENVIRONMENT = frozenset(
    ["os.environ.get", "os.getenv", "os.environ.setdefault", "decouple.config"]
)
_OPTIONS = frozenset(["args", "opts", "options", "parsed_args", "cli_args", "arguments", "flags"])
_SELF = (("self",), ("cls",))


class Known(Struct, frozen=True):
    """A value: a constant, or the dotted name of something outside where it is `named` so.

    It stands at `node` of the function `place`; `how` says by which way it is the one meant.
    """

    value: Any
    place: Place
    node: int
    how: str = ""
    named: bool = False


class Constants:
    """Answers about the values of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def of(self, place: Place, node: int) -> list[Known | None]:
        """What a value may be; None stands for what is not known."""
        found: list[Known | None] = []
        for one in self._of(place, node, 0, set()):
            if one not in found:
                found.append(one)
            if len(found) > _MOST_VALUES:
                return [*found, None]
        return found

    def _of(
        self, place: Place, node: int, depth: int, seen: set[tuple[Place, int]]
    ) -> Iterator[Known | None]:
        if depth > _DEEPEST or node < 0:
            yield None
            return
        if (place, node) in seen:
            return
        seen.add((place, node))
        given = self.program[place].nodes[node]
        kind = given[0]
        if kind == CONST:
            yield Known(given[1], place, node)
        elif kind == JOIN:
            for one in given[1:]:
                yield from self._of(place, one, depth + 1, seen)
        elif kind == EITHER:
            for at, one in enumerate(given[1:]):
                for known in self._of(place, one, depth + 1, seen):
                    yield self._otherwise(known) if at else known
        elif kind == PARAM:
            yield from self._parameter(place, node, given[1], depth, seen)
        elif kind in (NAME, ATTR):
            yield from self._named(place, node, given, depth, seen)
        elif kind in (CALL, ITEM):
            yield from self._looked_up(place, node, given, depth, seen)
        else:
            yield None

    def _otherwise(self, known: Known | None) -> Known | None:
        """What stands behind `or`."""
        how = known.how or "where nothing else is given" if known is not None else ""
        return known and Known(known.value, known.place, known.node, how, known.named)

    # Names and fields

    def _named(
        self, place: Place, node: int, given: Node, depth: int, seen: set[Any]
    ) -> Iterator[Known | None]:
        program = self.program
        held = list(self._variable(place, node, given))
        held += list(self._field(place, given)) if given[0] == ATTR else []
        for where, value in held:
            yield from self._of(where, value, depth + 1, seen)
        if held:
            return
        option = self._option(place, given) if given[0] == ATTR else None
        if option is not None:
            yield option
            return
        name = program.dotted(place, node)
        yield Known(name, place, node, named=True) if "." in name else None

    def _variable(self, place: Place, node: int, given: Node) -> Iterator[tuple[Place, int]]:
        """The values of a variable of this module, or of one that it is imported from."""
        program = self.program
        if given[0] == NAME and given[1] not in program.modules[place[0]].imports:
            yield from program.values(place, given[1])
            return
        home, _, name = program.dotted(place, node).rpartition(".")
        module = program.modules.get(home)
        for value in module.functions[0].names.get(name, ()) if module is not None else ():
            yield (home, 0), value

    def _field(self, place: Place, given: Node) -> Iterator[tuple[Place, int]]:
        """What the class of an object keeps in a field, or says that it is at first."""
        program = self.program
        cls = self._class(place, given[1])
        for ancestor, _ in program.ancestry(cls) if cls is not None else ():
            if ancestor is None:
                continue
            found = [(where, value) for where, value, _ in program.kept(ancestor, given[2])]
            found += [(ancestor, one) for one in program[ancestor].names.get(given[2], ())]
            if found:
                yield from found
                return

    def _class(self, place: Place, node: int) -> Place | None:
        """The class of an object, or that a name means; of a variable of another module too."""
        program = self.program
        given = program[place].nodes[node]
        cls = program.class_of(program.type_of(place, node))
        if cls is None:
            cls = program.class_of(program.dotted(place, node))
        if cls is None and given[0] in (NAME, ATTR):
            types = (program.type_of(*one) for one in self._variable(place, node, given))
            cls = next(filter(None, map(program.class_of, types)), None)
        return cls

    def _option(self, place: Place, given: Node) -> Known | None:
        """`args.name`: the default of an option of the command line that the module declares."""
        program = self.program
        base = program[place].nodes[given[1]]
        called = ""
        if base[0] == PARAM:
            called = _parameter_name(program[place], base[1])
        elif base[0] in (NAME, ATTR):
            called = program.short(place, given[1])
        made = base[0] == CALL and program.short(place, base[1]) == "parse_args"
        if not made and called not in _OPTIONS:
            return None
        return self._declared(place[0], given[2])

    def _declared(self, module: str, name: str) -> Known | None:
        program = self.program
        for where, index, call in program.calls.get("add_argument", ()):
            if where != module:
                continue
            place = (where, index)
            nodes = program[place].nodes
            _, _, arguments, keywords = nodes[call]
            said = [nodes[one][1] for one in arguments if nodes[one][0] == CONST]
            if not any(isinstance(one, str) and _option_name(one) == name for one in said):
                continue
            for key, value in keywords:
                if key == "default" and nodes[value][0] == CONST:
                    return Known(nodes[value][1], place, value, f"by default of {said[0]}")
            if any(key == "action" and nodes[one][1:] == ("store_true",) for key, one in keywords):
                return Known(False, place, call, f"by default of {said[0]}")
        return None

    # Calls and items

    def _looked_up(
        self, place: Place, node: int, given: Node, depth: int, seen: set[Any]
    ) -> Iterator[Known | None]:
        """The default of what is asked of the environment, or of a dictionary of constants."""
        program = self.program
        if given[0] == ITEM:
            yield None
            return
        nodes = program[place].nodes
        name = program.dotted(place, given[1])
        short = program.short(place, given[1])
        if name in _ENVIRONMENT or short in ("get_env", "getenv", "env", "get_bool_env"):
            default = [*given[2][1:2], *(one for key, one in given[3] if key == "default")]
            asked = nodes[given[2][0]] if given[2] else (CONST, None)
            for one in default:
                for known in self._of(place, one, depth + 1, seen):
                    how = f"where {asked[1]} is not set"
                    yield known and Known(known.value, known.place, known.node, how, known.named)
            yield None
        elif short in ("Field", "field", "SecretStr", "str", "bool", "encode", "strip"):
            values = [*given[2][:1], *(one for key, one in given[3] if key == "default")]
            if short in ("encode", "strip") and nodes[given[1]][0] == ATTR:
                values = [nodes[given[1]][1]]
            for one in values[:1]:
                yield from self._of(place, one, depth + 1, seen)
            if not values:
                yield None
        else:
            yield None

    # Parameters

    def _parameter(
        self, place: Place, node: int, position: int, depth: int, seen: set[Any]
    ) -> Iterator[Known | None]:
        """What the callers in the project give, and the default where one of them gives nothing."""
        program = self.program
        function = program[place]
        name = _parameter_name(function, position)
        default = function.defaults.get(name, ...)
        omitted = not name.startswith("_") and not function.name.rpartition(".")[2].startswith("_")
        for caller, call in self.callers(place):
            value = self.argument(caller, call, place, position)
            if value >= 0:
                yield from self._handed(list(self._of(caller, value, depth + 1, seen)), function)
            else:
                omitted = True
        if default is ... or not omitted:
            yield None
        else:
            yield Known(default, place, node, f"by default of the parameter {name}")
            yield None

    def _handed(self, found: list[Known | None], function: Function) -> Iterator[Known | None]:
        """What a caller gives: said to be so only where it can be nothing else."""
        how = f"given to {function.name}" if len(found) == 1 else ""
        for one in found:
            yield one and Known(one.value, one.place, one.node, one.how or how, one.named)

    def callers(self, place: Place) -> list[tuple[Place, int]]:
        """The calls in the project that mean this function, some of them if there are many."""
        program = self.program
        owner = program.owner(place)
        short = program[place].name.rpartition(".")[2]
        if short == "__init__" and owner is not None:
            short = program[owner].name.rpartition(".")[2]
        found = []
        for module, index, call in program.calls.get(short, ()):
            caller = (module, index)
            meanings = program.meanings(caller, program[caller].nodes[call][1])
            if any(one.function in (place, owner) for one in meanings if one.function):
                found.append((caller, call))
                if len(found) >= _MOST_CALLERS:
                    break
        return found

    def argument(self, caller: Place, call: int, place: Place, position: int) -> int:
        """What a call gives for a parameter, by position or name; -1 if nothing that is seen."""
        function = self.program[place]
        nodes = self.program[caller].nodes
        _, callee, arguments, keywords = nodes[call]
        name = _parameter_name(function, position)
        for key, value in keywords:
            if key == name:
                return int(value)
        method = self.program.owner(place) is not None
        bound = nodes[callee][0] == ATTR or function.name.endswith("__init__")
        shift = 1 if method and function.parameters[:1] in _SELF and bound else 0
        at = position - shift
        if position < function.first_keyword and 0 <= at < len(arguments):
            return int(arguments[at])
        return -1

    def spoken(self, place: Place, node: int) -> str:
        """How the code calls a value: its variable, parameter, attribute, key or function."""
        program = self.program
        given = program[place].nodes[node]
        kind = given[0]
        if kind == PARAM:
            return _parameter_name(program[place], given[1])
        if kind in (NAME, ATTR, FUNCTION):
            return program.short(place, node)
        if kind == ITEM:
            key = program[place].nodes[given[2]]
            return str(key[1]) if key[0] == CONST else ""
        if kind == CALL:
            key = program[place].nodes[given[2][0]] if given[2] else (CONST, None)
            named = program.short(place, given[1]) in ("get", "getenv", "pop", "get_env")
            if named and key[0] == CONST:
                return str(key[1])
            return program.short(place, given[1])
        return ""


def _parameter_name(function: Function, position: int) -> str:
    names = (*function.parameters, function.variadic, function.keywords)
    return names[position] if position < len(names) else ""


def _option_name(said: str) -> str:
    return said.lstrip("-").replace("-", "_")
