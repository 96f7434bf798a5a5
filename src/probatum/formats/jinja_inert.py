# ruff: noqa: SIM905  (a list of names reads better as words)
"""Tells what keeps a Jinja template from being inert: what it reaches, or what is not known of it.

Values handed in are taken for plain data (strings, numbers, lists, dicts). A template then reaches
beyond them only by an attribute or a key that names one of Python's own, by calling something, or
by a filter that does either; and it does not end only by recursion, or by values that double.

Source: `rules/jinja.toml`; jinja2 sandbox.py, runtime.py (environment.getitem and getattr).
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from probatum.formats.jinja import Node

_MOST = 1_000_000
_INTEGER = 100_000
_LOOPS = 8
_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not"})
_BY_ATTRIBUTE = frozenset({"map", "sort", "groupby", "unique", "min", "max"})
_BY_TEST = frozenset({"selectattr", "rejectattr", "select", "reject"})
_STEADY = frozenset(
    "trim lower upper default d first last title capitalize get strip lstrip rstrip removeprefix "
    "safe removesuffix startswith endswith find rfind index count int items keys values".split()
)
_TIME = re.compile(r"(?:[^%]|%[A-Za-z%])*")


class Fault(Struct, frozen=True):
    """One construct that is not known to be inert, and the offset of its character."""

    at: int
    says: str


def faults(tree: Node) -> Iterator[Fault]:
    """Everything that keeps the template from being proven inert."""
    whole = _Whole(tree)
    for node in tree.all():
        yield from _of_node(node, whole)
    yield from _of_names(whole)
    yield from _of_macros(whole)
    yield from _of_loops(tree, whole, 0)
    yield from _of_growth(whole)


class _Whole:
    """What is assigned, defined and built anywhere in the template; names have one meaning."""

    def __init__(self, tree: Node) -> None:
        self.macros = [one for one in tree.all() if one.kind == "macro"]
        self.named = {str(one.value) for one in self.macros}
        self.sets = [one for one in tree.all() if one.kind in ("set", "set-block")]
        self.assigned: list[tuple[str, Node | None]] = []
        for one in tree.all():
            self.assigned += _assignments(one)
        self.called = {
            id(one.parts[0])
            for one in tree.all()
            if one.kind == "call" or (one.kind == "test" and one.value in ("defined", "undefined"))
        }
        self.targets = {
            id(name)
            for one in tree.all()
            if one.kind in ("set", "set-block", "for", "other") and one.parts
            for name in one.parts[0].all()
        }
        for one in tree.all():
            if one.kind == "call" and one.parts[0].value in self.named:
                macro = next(each for each in self.macros if each.value == one.parts[0].value)
                for parameter in macro.parts[0].parts:
                    self.assigned += [(str(parameter.value), each) for each in one.parts[1:]]
        self.shared = _closure(self.assigned)
        self.is_leaky = self._leaks(tree)
        self.built: set[str] = set()
        while more := {n for n, v in self.assigned if v is None or self.builds(v)} - self.built:
            self.built |= more
        self.has_percent = any(one.kind == "op" and one.value == "%" for one in tree.all()) and any(
            _has_percent(one) for one in tree.all()
        )

    def _leaks(self, tree: Node) -> bool:
        """Whether a macro may hand back what it was not handed, or a namespace was."""
        inside = {id(one) for macro in self.macros for one in macro.all()}
        outer = {
            str(name.value)
            for one in tree.all()
            if one.kind in ("set", "set-block", "for") and id(one) not in inside
            for name in one.parts[0].all()
            if name.kind == "name"
        }
        return any(self._of_outside(macro) & (outer | self.shared) for macro in self.macros)

    def _of_outside(self, macro: Node) -> set[str]:
        names = {str(one.value) for one in macro.all() if one.kind == "name"}
        own = {name for one in macro.all() for name, _ in _assignments(one)}
        own |= {str(one.value) for one in macro.parts[0].parts}
        return names & self.shared | names - own

    def is_shared(self, one: Node) -> bool:
        """Whether the attribute may be one of a namespace."""
        while one.kind in ("attr", "item"):
            one = one.parts[0]
        return one.kind != "name" or one.value in self.shared

    def builds(self, value: Node) -> bool:
        """Whether the value may be a string that the template put together itself."""
        stack = [value]
        while stack:
            one = stack.pop()
            if one.kind == "filter" and one.value in ("length", "count"):
                continue
            if self._builds(one):
                return True
            stack += one.parts
        return False

    def _builds(self, one: Node) -> bool:
        match one.kind:
            case "op":
                if one.value == "+":
                    return not any(_is_count(part) for part in one.parts)
                return one.value in ("~", "%", "*", "**")
            case "filter":
                return one.value not in _words("filters", "keeping")
            case "call":
                return _called(one) not in _words("methods", "keeping") | _words(
                    "functions", "names"
                )
            case "slice":
                return isinstance(one.value, int) and one.value > 1
            case "const":
                return isinstance(one.value, str) and one.value.startswith("_")
            case "name":
                return one.value in self.built
            case "attr":
                return one.value in ("previtem", "nextitem") or f".{one.value}" in self.built
        return False


def _closure(assigned: list[tuple[str, Node | None]]) -> set[str]:
    """The names that may stand for a namespace."""
    found: set[str] = set()
    while more := {n for n, v in assigned if v is not None and _is_shared(v, found)} - found:
        found |= more
    return found


def _is_shared(value: Node, found: set[str]) -> bool:
    return any(
        (one.kind == "call" and _called(one) == "namespace")
        or (one.kind == "name" and one.value in found)
        for one in value.all()
    )


def _assignments(one: Node) -> Iterator[tuple[str, Node | None]]:
    if one.kind in ("set", "set-block", "for"):
        value = one.parts[1] if one.kind != "set-block" else None
        for name in one.parts[0].all():
            yield ("." if name.kind == "attr" else "") + str(name.value), value
    if one.kind == "macro":
        for parameter in one.parts[0].parts:
            for default in parameter.parts:
                yield str(parameter.value), default
    if one.kind == "call" and one.parts[0].value == "namespace":
        for keyword in one.parts[1:]:
            yield (f".{keyword.value}" if keyword.kind == "keyword" else "."), keyword


def _of_node(node: Node, whole: _Whole) -> Iterator[Fault]:
    match node.kind:
        case "other":
            yield Fault(node.at, f"the tag {node.value} is not judged")
        case "print" | "set" | "for":
            if _growth(node if node.kind != "for" else node.parts[1]) > _MOST:
                yield Fault(node.at, "a text that may grow beyond all bounds")
        case "const":
            yield from _of_constant(node)
        case "attr":
            name = str(node.value)
            if name.startswith("_") or name in _words("reaching", "names"):
                yield Fault(node.at, f"the attribute {name} is not one of plain data")
            elif name in _words("reaching", "uncalled"):
                yield Fault(node.at, f"the method {name} is not known to be inert")
        case "item":
            yield from _of_index(node.parts[1], whole)
        case "call":
            yield from _of_call(node, whole)
        case "filter":
            yield from _of_filter(node)
        case "test":
            if node.value not in _words("tests", "names"):
                yield Fault(node.at, f"the test {node.value} is not known")
        case "op":
            yield from _of_operator(node, whole)
        case "name":
            yield from _of_name(node, whole)


def _of_constant(node: Node) -> Iterator[Fault]:
    if isinstance(node.value, str) and speaks_of_python(node.value):
        yield Fault(node.at, f"the text {node.value[:40]!r} holds a name of Python's own")
    if isinstance(node.value, int | float) and abs(node.value) > _INTEGER:
        yield Fault(node.at, f"a number above {_INTEGER}")


def speaks_of_python(text: str) -> bool:
    """Whether a name that reaches Python's own things can be cut out of the text."""
    lower = text.lower()
    return "__" in lower or any(name in lower for name in _words("reaching", "names"))


def _is_wrong_key(text: str) -> bool:
    return text.startswith("_") or text in _words("reaching", "uncalled")


def _of_index(index: Node, whole: _Whole) -> Iterator[Fault]:
    if isinstance(index.value, str) and index.kind == "const" and _is_wrong_key(index.value):
        yield Fault(index.at, f"the key {index.value!r} could be an attribute")
        return
    for one in index.all():
        counted = one.kind == "filter" and one.value in ("length", "count")
        plain = one.kind in ("const", "name", "attr", "item", "slice") or counted
        added = one.kind == "op" and one.value in ("+", "-", "if", "and", "or")
        if not (plain or added):
            yield Fault(one.at, f"a key that is computed ({one.value or one.kind})")
            return
    inside = index.parts if index.kind == "slice" else (index,)
    if any(whole.builds(one) for one in inside):
        yield Fault(index.at, "a key that the template puts together")


def _called(call: Node) -> str:
    return str(call.parts[0].value)


def _of_call(node: Node, whole: _Whole) -> Iterator[Fault]:
    function, name = node.parts[0], _called(node)
    methods = _words("methods", "keeping") | _words("methods", "building")
    if function.kind == "attr" and name in methods:
        return
    if function.kind != "name" or name not in whole.named | _words("functions", "names"):
        yield Fault(node.at, f"a call of {name if function.value else 'a computed value'}")
    elif name == "range":
        for one in (one for argument in node.parts[1:] for one in argument.all()):
            counted = one.kind == "filter" and one.value in ("length", "count")
            added = one.kind == "op" and one.value in ("+", "-")
            if not (counted or added or one.kind in ("const", "name", "attr", "item", "slice")):
                yield Fault(one.at, "a range whose end is computed")
        if any(whole.builds(argument) for argument in node.parts[1:]):
            yield Fault(node.at, "a range whose end is computed")
    elif name == "strftime_now" and not _is_time(node):
        yield Fault(node.at, "a format of time that is not a plain constant")


def _is_time(call: Node) -> bool:
    return len(call.parts) == 2 and (
        call.parts[1].kind == "const" and _TIME.fullmatch(str(call.parts[1].value)) is not None
    )


def _has_percent(one: Node) -> bool:
    if one.kind == "call" and _called(one) == "strftime_now":
        return False
    return any(
        part.kind == "const" and isinstance(part.value, str) and "%" in part.value
        for part in one.parts
    )


def _of_filter(node: Node) -> Iterator[Fault]:
    name, arguments = str(node.value), node.parts[1:]
    if name not in _words("filters", "keeping") | _words("filters", "building"):
        yield Fault(node.at, f"the filter {name} is not known to be inert")
    elif name in _BY_ATTRIBUTE or (name in _BY_TEST and name.endswith("attr")):
        yield from _of_attributes(node, name, arguments)
    elif name in _BY_TEST:
        if arguments and arguments[0].value not in _words("tests", "names"):
            yield Fault(node.at, f"{name} by a test that is not known")
    elif name == "join" and len(arguments) > 1:
        yield Fault(node.at, "join with an attribute")
    elif name in ("indent", "tojson") and any(_over(one, 64) for one in arguments):
        yield Fault(node.at, f"{name} by a computed or large width")


def _over(argument: Node, most: int) -> bool:
    one = argument.parts[0] if argument.kind == "keyword" else argument
    if one.kind == "list":
        return any(_over(part, most) for part in one.parts)
    return one.kind != "const" or (isinstance(one.value, int) and one.value > most)


def _of_attributes(node: Node, name: str, arguments: tuple[Node, ...]) -> Iterator[Fault]:
    values = [one.parts[0] if one.kind == "keyword" else one for one in arguments]
    constant = values[:2] if name.endswith("attr") else values
    if any(one.kind != "const" for one in constant):
        yield Fault(node.at, f"{name} by something computed")
        return
    for one in constant:
        parts = str(one.value).split(".")
        if any(_is_wrong_key(part) for part in parts):
            yield Fault(one.at, f"{name} by {one.value!r}")
    if (
        name.endswith("attr")
        and len(values) > 1
        and values[1].value not in _words("tests", "names")
    ):
        yield Fault(node.at, f"{name} by a test that is not known")
    if name == "map" and arguments and arguments[0].kind != "keyword":
        mapped = _words("filters", "keeping") | {"tojson"}
        if values[0].value not in mapped - _BY_ATTRIBUTE - _BY_TEST:
            yield Fault(node.at, f"map by {values[0].value!r}")


def _of_operator(node: Node, whole: _Whole) -> Iterator[Fault]:
    if node.value == "**":
        yield Fault(node.at, "a power")
    if node.value == "*" and _factor(node) == 0:
        yield Fault(node.at, "a product without a small constant")
    if node.value == "%" and whole.has_percent:
        yield Fault(node.at, "% may format a text, not divide a number")


def _of_name(node: Node, whole: _Whole) -> Iterator[Fault]:
    name = str(node.value)
    if name in _words("reaching", "globals"):
        yield Fault(node.at, f"{name} is not a value that was handed in")
    is_value = id(node) not in whole.called and id(node) not in whole.targets
    if is_value and name in whole.named | _words("functions", "names"):
        yield Fault(node.at, f"the function {name} is used as a value")


def _of_names(whole: _Whole) -> Iterator[Fault]:
    taken = {name for name, _ in whole.assigned}
    taken |= {str(p.value) for macro in whole.macros for p in macro.parts[0].parts}
    for name in sorted(taken & (whole.named | _words("functions", "names"))):
        yield Fault(0, f"{name} is a function and is assigned to as well")


def _of_macros(whole: _Whole) -> Iterator[Fault]:
    calls: dict[str, list[str]] = {}
    for macro in whole.macros:
        name = str(macro.value)
        if name in calls:
            yield Fault(macro.at, f"the macro {name} is defined twice")
        calls[name] = [_called(one) for one in macro.all() if one.kind == "call"]
        calls[name] = [one for one in calls[name] if one in whole.named]
        if any(one.kind == "macro" and one is not macro for one in macro.all()):
            yield Fault(macro.at, "a macro inside a macro")
    cost: dict[str, int] = {}
    for _ in calls:
        for name, called in calls.items():
            if all(one in cost for one in called):
                cost[name] = 1 + sum(cost[one] for one in called)
    for macro in whole.macros:
        if cost.get(str(macro.value), _MOST) >= _MOST:
            yield Fault(macro.at, f"the macro {macro.value} calls itself: it may not end")


def _of_loops(node: Node, whole: _Whole, depth: int) -> Iterator[Fault]:
    stack = [(node, 0)]
    while stack:
        one, depth = stack.pop()
        # A macro may be called from a loop that hands it a namespace.
        if one.kind == "macro" or (one.kind == "for" and depth == 0):
            yield from _of_carried(one, whole)
        if depth > _LOOPS:
            yield Fault(one.at, f"more than {_LOOPS} loops in one another")
            return
        stack += [(part, depth + (one.kind == "for")) for part in one.parts]


def _of_carried(loop: Node, whole: _Whole) -> Iterator[Fault]:
    """What the next round gets from the last, by a namespace, must not double."""
    sets = [one for one in loop.all() if one.kind in ("set", "set-block")]
    carried = {str(one.parts[0].value) for one in sets if one.parts[0].kind == "attr"}
    weights: dict[str, int] = {}
    if loop.kind == "macro":
        weights = {str(one.value): 1 for one in loop.parts[0].parts}
    for one in loop.all():
        if one.kind == "for" and (weight := _weight(one.parts[1], whole, carried, weights)):
            for name in one.parts[0].all():
                weights[str(name.value)] = max(weights.get(str(name.value), 0), weight)
        if one.kind not in ("set", "set-block"):
            continue
        target, value = one.parts
        block = one.kind == "set-block"
        weight = 100 if block else _weight(value, whole, carried, weights)
        if block and target.kind == "attr":
            yield Fault(one.at, "a block that the next round of a loop is given")
        if target.kind != "attr":
            for name in target.all():
                weights[str(name.value)] = max(weights.get(str(name.value), 0), weight)
        elif weight > 1:
            yield Fault(one.at, f"{target.value} may double with every round of a loop")


def _weight(value: Node, whole: _Whole, carried: set[str], weights: dict[str, int]) -> int:
    """How many times over what stands in `carried` and `weights` may stand in the value."""
    if value.kind == "test" or (value.kind == "op" and value.value in _COMPARING):
        return 0
    if value.kind == "filter" and value.value in ("length", "count"):
        return 0
    if value.kind == "attr" and value.value in carried and whole.is_shared(value):
        return 1
    if value.kind == "name":
        return weights.get(str(value.value), 0)
    is_choice = value.kind == "op" and value.value in ("if", "and", "or")
    weighed = [_weight(part, whole, carried, weights) for part in value.parts]
    if is_choice and value.value == "if":
        del weighed[1]
    total = max(weighed) if is_choice else sum(weighed)
    if value.kind == "call" and _called(value) in whole.named:
        total = 100 * (total or whole.is_leaky)
    # A list made a text again has more characters than it had items.
    is_method = value.kind == "call" and value.parts[0].kind == "attr"
    changed = value.kind == "filter" or is_method
    name = _called(value) if is_method else str(value.value)
    steady = value.kind not in ("list", "dict") and (not changed or name in _STEADY)
    return total * max(1 if steady else 2, _factor(value))


def _of_growth(whole: _Whole) -> Iterator[Fault]:
    """A chain of assignments may make a text longer, but only so much longer."""
    names = {name for name, _ in whole.assigned}
    attributes = {name[1:] for name in names if name.startswith(".")}
    weights = dict.fromkeys((name for name in names if not name.startswith(".")), 1)
    total = 1
    for one in whole.sets:
        weight = _weight(one.parts[1], whole, attributes, weights)
        total *= max(1, weight)
        if total > 100 * _MOST:
            yield Fault(one.at, "a text that may grow beyond all bounds")
            return


def _growth(value: Node) -> int:
    total = 1
    for one in value.all():
        total *= max(1, _factor(one))
    return total


def _factor(one: Node) -> int:
    """By how much one operation makes a text longer, at most; 0 where that is not known."""
    if one.kind == "op" and one.value == "*":
        factors = [part.value for part in one.parts if part.kind == "const"]
        return next((n for n in factors if type(n) is int and 0 <= n <= 1000), 0)
    is_method = one.kind == "call" and one.parts[0].kind == "attr"
    if (one.kind == "filter" and one.value == "replace") or (
        is_method and _called(one) == "replace"
    ):
        texts = [part.value for part in one.parts[1:] if part.kind == "const"]
        if len(texts) < 2 or not (isinstance(texts[0], str) and isinstance(texts[1], str)):
            return 100
        return 1 + len(texts[1]) // max(1, len(texts[0]))
    if one.kind == "filter":
        return int(_rules()["filters"]["growing"].get(str(one.value), 1))
    return 1


def _is_count(one: Node) -> bool:
    return (one.kind == "const" and type(one.value) is int) or (
        one.kind == "filter" and one.value in ("length", "count")
    )


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads(files("probatum.rules").joinpath("jinja.toml").read_text())


@cache
def _words(table: str, key: str) -> frozenset[str]:
    return frozenset(_rules()[table][key].split())
