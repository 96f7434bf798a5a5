"""Shows of macros that call themselves that each call is handed a part of what its caller has.

What is handed in is JSON: a tree. Each macro of the circle has one parameter that descends in it.
Then the number of calls is at most twice the number of the tree's parts, and the depth its height:

1. Every call within the circle hands that parameter a part of the caller's own (`x.items`, `v` of
   a loop over `x.values()`), or such a part two levels down in a dict of its own (`{"type": t}`),
   or, to another macro, the same value; and those latter calls make no circle.
2. Two such calls that one run can both reach have parts that do not overlap: their paths part at
   two constant keys, or they stand in different branches. A loop around a call is one over the
   parts that it hands on.
3. What a call gives back goes at most once into what its caller gives back, and only by addition.

A text has its characters as parts, and a character itself: there the calls are a chain without
branches, which Python's limit of recursion ends if nothing else does.
"""

from collections.abc import Iterator
from itertools import product

from msgspec import Struct

from probatum.formats.jinja import Node
from probatum.formats.jinja_flow import GIVEN, Call, Flow, parameter_of

_REARRANGED = frozenset({"dictsort", "list", "sort", "unique", "reverse"})
# The numbers of Python have parts that are no smaller than themselves.
_ENDLESS = frozenset({"real", "imag", "numerator", "denominator"})
_CHOICES = 64
Key = str
Path = tuple[Key, ...]
# A key that may be any; and the pairs of a dict, of which no constant key is a part.
ANY, PAIRS = "*", "|items"


class Descent(Struct, frozen=True):
    """A circle of macros that goes down in what is handed to it."""

    macros: tuple[str, ...]
    calls: tuple[Node, ...]
    # The arguments that go down, each with the parameter that it is handed to.
    handed: tuple[tuple[Node, str], ...]
    parameters: dict[str, str]
    flow: Flow
    wraps: tuple[Node, ...]

    def entry(self, call: Call) -> Node | None:
        """The tree that a call from outside lets the circle go down in."""
        return _argument(self.flow, call, self.parameters[call.name])


class _Step(Struct, frozen=True):
    call: Call
    path: Path
    loops: frozenset[str]
    is_wrapped: bool


def circles(flow: Flow) -> Iterator[tuple[str, ...]]:
    """The macros that call each other in a circle, together."""
    calls = {name: {c.name for c in flow.calls if c.caller == name} for name in flow.macros}
    reach = {name: _reached(name, calls) for name in calls}
    done: set[str] = set()
    for name in calls:
        if name in reach[name] and name not in done:
            circle = tuple(one for one in calls if one in reach[name] and name in reach[one])
            done |= {*circle}
            yield circle


def _reached(name: str, calls: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    while more := {c for one in (found | {name}) for c in calls[one]} - found:
        found |= more
    return found


def descent(flow: Flow, circle: tuple[str, ...]) -> Descent | None:
    """How the circle goes down in what it is handed; None if that is not shown."""
    inner = [call for call in flow.calls if call.caller in circle and call.name in circle]
    names = [[str(one.value) for one in flow.macros[m].parts[0].parts] for m in circle]
    for choice, _ in zip(product(*names), range(_CHOICES), strict=False):
        parameters = dict(zip(circle, choice, strict=True))
        steps = [_step(flow, call, parameters) for call in inner]
        known = [one for one in steps if one is not None]
        if len(known) == len(steps) and _goes_down(flow, known):
            return _descent(flow, circle, inner, parameters)
    return None


def _descent(
    flow: Flow, circle: tuple[str, ...], inner: list[Call], parameters: dict[str, str]
) -> Descent:
    handed = []
    for call in inner:
        argument = _argument(flow, call, parameters[call.name])
        assert argument is not None
        handed.append((argument, parameter_of(call.name, parameters[call.name])))
    wraps = [one for one, _ in handed if one.kind == "dict"]
    texts = [text for one in wraps for text in one.parts if text.kind == "const"]
    calls = tuple(one.node for one in inner)
    return Descent(circle, calls, tuple(handed), parameters, flow, tuple(texts))


def _argument(flow: Flow, call: Call, parameter: str) -> Node | None:
    names = [str(one.value) for one in flow.macros[call.name].parts[0].parts]
    at = names.index(parameter)
    given = call.argument(parameter, at)
    defaults = flow.macros[call.name].parts[0].parts[at].parts
    return given if given is not None else defaults[0] if defaults else None


def _step(flow: Flow, call: Call, parameters: dict[str, str]) -> _Step | None:
    """From which part of the caller's value the call goes on."""
    argument = call.argument(
        parameters[call.name],
        [str(one.value) for one in flow.macros[call.name].parts[0].parts].index(
            parameters[call.name]
        ),
    )
    if argument is None:
        return None
    start = parameter_of(call.caller, parameters[call.caller])
    is_wrapped = argument.kind == "dict"
    if is_wrapped:
        if len(argument.parts) != 2 or argument.parts[0].kind != "const":
            return None
        argument = argument.parts[1]
    found = _Paths(flow, start).of(argument)
    if found is None:
        return None
    path, loops = found
    if not set(call.controls[1:]) <= loops or len(path) < is_wrapped * 2:
        return None
    return _Step(call, path, loops, is_wrapped)


class _Paths:
    """Which part of one parameter a value is."""

    def __init__(self, flow: Flow, start: str) -> None:
        self._flow, self._start, self._busy = flow, start, 0
        self._of = {one.target: one for one in flow.emits if "@" in one.target}
        self._twice = {one.target for one in flow.emits if one is not self._of.get(one.target, one)}

    def of(self, value: Node) -> tuple[Path, frozenset[str]] | None:
        """The keys from the parameter to the value, and the loops that run over them."""
        self._busy += 1
        try:
            return self._path(value) if self._busy < 40 else None
        finally:
            self._busy -= 1

    def _path(self, value: Node) -> tuple[Path, frozenset[str]] | None:
        match value.kind:
            case "name":
                return self._named(value)
            case "attr":
                name = str(value.value)
                return self._part(value.parts[0], ANY if name.isdigit() else name)
            case "item":
                key = value.parts[1]
                if key.kind == "slice":
                    return self.of(value.parts[0])
                is_text = key.kind == "const" and isinstance(key.value, str)
                return self._part(value.parts[0], str(key.value) if is_text else ANY)
            case "filter" if value.value == "items":
                return self._part(value.parts[0], PAIRS)
            case "filter" if value.value in _REARRANGED:
                return self.of(value.parts[0])
            case "call" if value.parts[0].kind == "attr":
                return self._method(value)
        return None

    def _method(self, call: Node) -> tuple[Path, frozenset[str]] | None:
        function, arguments = call.parts[0], call.parts[1:]
        key = arguments[0].value if len(arguments) == 1 and arguments[0].kind == "const" else None
        if function.value == "get" and isinstance(key, str):
            return self._part(function.parts[0], key)
        if function.value == "values" and not arguments:
            return self.of(function.parts[0])
        return None

    def _part(self, of: Node, key: Key) -> tuple[Path, frozenset[str]] | None:
        found = self.of(of)
        return None if found is None or key in _ENDLESS else ((*found[0], key), found[1])

    def _named(self, name: Node) -> tuple[Path, frozenset[str]] | None:
        means = self._flow.meaning(name)
        if means == (self._start,):
            return (), frozenset()
        emit = self._of.get(means[0]) if len(means) == 1 and means[0] != GIVEN else None
        if emit is None or emit.value is None or emit.piles:
            return None
        if emit.target in self._twice or emit.target.startswith("$loop@"):
            return None
        loop = f"$loop@{self._flow.loops[emit.target]}" if emit.target in self._flow.loops else ""
        source = emit.value
        if not loop:
            return self.of(source)
        # A loop over the pairs of a dict runs over its values, and over its keys.
        if source.kind == "call" and source.parts[0].value == "items" and len(source.parts) == 1:
            source = source.parts[0].parts[0]
        elif source.kind == "filter" and source.value == "items":
            source = source.parts[0]
        found = self.of(source)
        return None if found is None else ((*found[0], ANY), found[1] | {loop})


def _goes_down(flow: Flow, steps: list[_Step]) -> bool:
    level = [one for one in steps if not one.path]
    pairs = {(one.call.caller, one.call.name) for one in level}
    apart = all(
        _are_apart(flow, left, right)
        for at, left in enumerate(steps)
        for right in steps[at + 1 :]
        if left.call.caller == right.call.caller
    )
    # Of the pairs of a dict no constant key is a part, so nothing goes on from them.
    if any(PAIRS in one.path for one in steps):
        apart &= all(one.path and one.path[0] not in (ANY, "") for one in steps)
        apart &= all(PAIRS not in one.path[:-1] for one in steps)
    return apart and not _has_circle(pairs)


def _has_circle(pairs: set[tuple[str, str]]) -> bool:
    left = set(pairs)
    while ends := {one for one in left if one[1] not in {start for start, _ in left}}:
        left -= ends
    return bool(left)


def _are_apart(flow: Flow, left: _Step, right: _Step) -> bool:
    """Whether no run reaches both calls, or their parts do not overlap."""
    for one in left.call.trail:
        for other in right.call.trail:
            if one.at == other.at and one.number != other.number:
                return True
            if (
                one.compared is not None
                and other.compared is not None
                and one.text != other.text
                and _same(flow, one.compared, other.compared)
            ):
                return True
    return any(a != b and ANY not in (a, b) for a, b in zip(left.path, right.path, strict=False))


def _same(flow: Flow, left: Node, right: Node) -> bool:
    """Whether two expressions of one run have one value."""
    if (left.kind, left.value, len(left.parts)) != (right.kind, right.value, len(right.parts)):
        return False
    if left.kind not in ("name", "attr", "item", "filter", "const"):
        return False
    if left.kind == "name" and flow.meaning(left) != flow.meaning(right):
        return False
    return all(_same(flow, a, b) for a, b in zip(left.parts, right.parts, strict=True))
