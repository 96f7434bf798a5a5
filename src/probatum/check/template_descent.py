"""Re-derives that macros which call themselves go down in what they are handed, and only once.

What is handed in is JSON, a tree. 1. Every call in the circle hands on a part of the caller's own
tree, or a dict around a part two levels down; or, to a macro that does not lead back without such a
step, the same tree. 2. Two calls that one run may reach hand on parts that do not overlap, and a
loop around a call is one over those parts. So there are no more than two calls for each part.

For the checker of chat templates.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, product

from probatum.check.template_flow import GIVEN, Called, Emit, Flow
from probatum.check.template_tags import demand

_REARRANGED = {f"filter_{one}" for one in ("dictsort", "list", "sort", "unique", "reverse")}
# Parts of Python's numbers that are no smaller.
_ENDLESS = {"real", "imag", "numerator", "denominator"}
ANY, PAIRS = "*", "|"
Path = tuple[str, ...]
Found = tuple[Path, frozenset[str]] | None


@dataclass(frozen=True)
class Descent:
    """A circle of macros, its inner calls, and what they hand down to which parameters."""

    macros: tuple[str, ...]
    calls: list[tuple[int, Called]]
    handed: list[tuple[ast.expr, str]]
    wraps: list[ast.expr]
    parameters: dict[str, str]
    flow: Flow

    def entry(self, call: Called) -> ast.expr | None:
        """The tree that a call from outside hands to the circle."""
        parameter = self.parameters[call.name]
        given = self.flow.argument(call, parameter)
        return given if given is not None else dict(self.flow.macros[call.name])[parameter]


@dataclass(frozen=True)
class _Step:
    call: Called
    path: Path


def descents(flow: Flow) -> list[Descent]:
    """Every circle of macros with its way down. Raises Rejected for one that has none."""
    called: dict[str, set[str]] = {name: set() for name in flow.macros}
    for call in flow.calls:
        if call.caller:
            called[call.caller].add(call.name)
    reach = {name: _closure(name, called) for name in called}
    found: dict[tuple[str, ...], Descent] = {}
    for name in called:
        if name in reach[name]:
            circle = tuple(one for one in called if one in reach[name] and name in reach[one])
            if circle not in found:
                found[circle] = _down(flow, circle)
    return list(found.values())


def _closure(name: str, called: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    while more := {two for one in (found | {name}) for two in called[one]} - found:
        found |= more
    return found


def _down(flow: Flow, circle: tuple[str, ...]) -> Descent:
    inner = [(at, c) for at, c in enumerate(flow.calls) if {c.caller, c.name} <= set(circle)]
    choices = product(*([parameter for parameter, _ in flow.macros[one]] for one in circle))
    for choice in islice(choices, 64):
        parameters = dict(zip(circle, choice, strict=True))
        steps = [_step(flow, call, parameters) for _, call in inner]
        known = [one for one in steps if one is not None]
        if len(known) == len(steps) and _is_down(flow, known):
            handed = [
                (value, f"{call.name}({parameters[call.name]})")
                for _, call in inner
                if (value := flow.argument(call, parameters[call.name])) is not None
            ]
            wraps = [
                k for value, _ in handed if isinstance(value, ast.Dict) for k in value.keys if k
            ]
            return Descent(circle, inner, handed, wraps, parameters, flow)
    demand(False, "4: macros in a circle")
    raise AssertionError


def _step(flow: Flow, call: Called, parameters: dict[str, str]) -> _Step | None:
    value = flow.argument(call, parameters[call.name])
    least = 0
    if isinstance(value, ast.Dict):
        if len(value.keys) != 1 or not isinstance(value.keys[0], ast.Constant):
            return None
        value, least = value.values[0], 2
    if value is None:
        return None
    start = f"{call.caller}({parameters[call.caller]})"
    found = _Parts(flow, start).path(value, 0)
    if found is None or len(found[0]) < least or not set(call.controls[1:]) <= found[1]:
        return None
    return _Step(call, found[0])


class _Parts:
    def __init__(self, flow: Flow, start: str) -> None:
        self._flow, self._start = flow, start
        self._emits: dict[str, list[Emit]] = {}
        for one in flow.emits:
            self._emits.setdefault(one.target, []).append(one)

    def path(self, value: ast.expr, depth: int) -> Found:
        """The keys that lead from the parameter to the value, and the loops over them."""
        if depth > 40:
            return None
        match value:
            case ast.Name():
                return self._named(value, depth)
            case ast.Attribute(attr=name, value=of):
                return self._part(of, name.removeprefix("v_"), depth)
            case ast.Subscript(slice=ast.Slice(), value=of):
                return self.path(of, depth + 1)
            case ast.Subscript(slice=ast.Tuple()):
                return None
            case ast.Subscript(slice=key, value=of):
                text = key.value if isinstance(key, ast.Constant) else None
                return self._part(of, text if isinstance(text, str) else ANY, depth)
            case ast.Call(func=ast.Attribute(attr=name, value=of)):
                return self._called(name, of, value, depth)
        return None

    def _called(self, name: str, of: ast.expr, call: ast.Call, depth: int) -> Found:
        if name == "filter_items":
            return self._part(of, PAIRS, depth)
        if name in _REARRANGED or (name == "v_values" and not call.args):
            return self.path(of, depth + 1)
        if name == "v_get" and len(call.args) == 1 and not call.keywords:
            key = call.args[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                return self._part(of, key.value, depth)
        return None

    def _part(self, of: ast.expr, key: str, depth: int) -> Found:
        found = self.path(of, depth + 1)
        return None if found is None or key in _ENDLESS else ((*found[0], key), found[1])

    def _named(self, name: ast.Name, depth: int) -> Found:
        means = self._flow.meaning(name)
        if means == (self._start,):
            return (), frozenset()
        emits = self._emits.get(means[0], []) if len(means) == 1 and means[0] != GIVEN else []
        if len(emits) != 1 or emits[0].value is None or emits[0].piles:
            return None
        if means[0].startswith("loop@"):
            return None
        source, loop = emits[0].value, self._flow.rounds.get(means[0])
        if loop is None:
            return self.path(source, depth + 1)
        match source:
            case ast.Call(func=ast.Attribute(attr="v_items" | "filter_items", value=of), args=[]):
                source = of
        found = self.path(source, depth + 1)
        return None if found is None else ((*found[0], ANY), found[1] | {loop})


def _is_down(flow: Flow, steps: list[_Step]) -> bool:
    for at, left in enumerate(steps):
        for right in steps[at + 1 :]:
            if left.call.caller == right.call.caller and not _apart(flow, left, right):
                return False
    if any(PAIRS in one.path for one in steps):
        # The pairs of a dict have no parts by constant keys.
        for one in steps:
            if not one.path or one.path[0] == ANY or PAIRS in one.path[:-1]:
                return False
    level = {(one.call.caller, one.call.name) for one in steps if not one.path}
    return not _leads_back(level)


def _leads_back(pairs: Iterable[tuple[str, str]]) -> bool:
    called: dict[str, set[str]] = {}
    for start, end in pairs:
        called.setdefault(start, set()).add(end)
        called.setdefault(end, set())
    return any(name in _closure(name, called) for name in called)


def _apart(flow: Flow, left: _Step, right: _Step) -> bool:
    for one in left.call.trail:
        for two in right.call.trail:
            if one.block == two.block and one.number != two.number:
                return True
            if one.compared is None or two.compared is None or one.text == two.text:
                continue
            if _same(flow, one.compared, two.compared):
                return True
    return any(a != b and ANY not in (a, b) for a, b in zip(left.path, right.path, strict=False))


def _same(flow: Flow, left: ast.AST, right: ast.AST) -> bool:
    """Whether both are read from the same variables by the same keys and filters."""
    if type(left) is not type(right):
        return False
    match left, right:
        case ast.Name(), ast.Name():
            return left.id == right.id and flow.meaning(left) == flow.meaning(right)
        case ast.Constant(), ast.Constant():
            return repr(left.value) == repr(right.value)
        case ast.Attribute(), ast.Attribute():
            return left.attr == right.attr and _same(flow, left.value, right.value)
        case ast.Subscript(), ast.Subscript():
            return _same(flow, left.value, right.value) and _same(flow, left.slice, right.slice)
        case ast.Call(args=[], keywords=[]), ast.Call(args=[], keywords=[]):
            plain = isinstance(left.func, ast.Attribute) and left.func.attr.startswith("filter_")
            return plain and _same(flow, left.func, right.func)
    return False
