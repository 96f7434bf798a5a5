"""Tells what keeps a Jinja template from being inert: what it reaches, or what is not known of it.

Values handed in are taken for plain data (strings, numbers, lists, dicts). A template then reaches
beyond them only by an attribute or a key that names one of Python's own, by calling something, or
by a filter that does either; and it does not end only by recursion, or by values that double.

Source: `rules/jinja.toml`; jinja2 sandbox.py, runtime.py (environment.getitem and getattr).
"""

import re
from collections.abc import Iterator

from probatum.formats.jinja import Node
from probatum.formats.jinja_flow import Flow
from probatum.formats.jinja_growth import Growth
from probatum.formats.jinja_namespaces import Namespaces
from probatum.formats.jinja_recursion import circles, descent
from probatum.formats.jinja_rules import Fault, speaks_of_python, words

_INTEGER = 100_000
_BY_ATTRIBUTE = frozenset({"map", "sort", "groupby", "unique", "min", "max"})
_BY_TEST = frozenset({"selectattr", "rejectattr", "select", "reject"})
_FIELDS = re.compile(r"(?:[^{}]|\{\w*\}|\{\{|\}\})*")
_TIME = re.compile(r"(?:[^%]|%[A-Za-z%])*")


def faults(tree: Node) -> Iterator[Fault]:
    """Everything that keeps the template from being proven inert."""
    whole = _Whole(tree)
    for node in tree.all():
        yield from _of_node(node, whole)
    yield from _of_names(whole)
    yield from _of_macros(whole)
    yield from _of_growth(tree)


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
        # The method `format` of a text that has none but plain fields.
        self.formats = {
            id(one.parts[0])
            for one in tree.all()
            if one.kind == "call"
            and one.parts[0].kind == "attr"
            and one.parts[0].value == "format"
            and one.parts[0].parts[0].kind == "const"
            and _FIELDS.fullmatch(str(one.parts[0].parts[0].value))
        }
        self.targets = {
            id(name)
            for one in tree.all()
            if one.kind in ("set", "set-block", "filter-block", "for", "other") and one.parts
            for name in one.parts[0].all()
        }
        for one in tree.all():
            if one.kind == "call" and one.parts[0].value in self.named:
                macro = next(each for each in self.macros if each.value == one.parts[0].value)
                self.assigned += _handed(macro, one)
        self.built: set[str] = set()
        while more := {n for n, v in self.assigned if v is None or self.builds(v)} - self.built:
            self.built |= more
        self.has_percent = any(one.kind == "op" and one.value == "%" for one in tree.all()) and any(
            _has_percent(one) for one in tree.all()
        )

    def builds(self, value: Node) -> bool:
        """Whether the value may be a string that the template put together itself."""
        stack = [value]
        while stack:
            one = stack.pop()
            if one.kind == "filter" and one.value in ("length", "count"):
                continue
            if one.kind == "call" and one.parts[0].value == "range":
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
                return one.value not in words("filters", "keeping")
            case "call":
                return _called(one) not in words("methods", "keeping") | words("functions", "names")
            case "slice":
                return isinstance(one.value, int) and one.value > 1
            case "const":
                return isinstance(one.value, str) and one.value.startswith("_")
            case "name":
                return one.value in self.built
            case "attr":
                return one.value in ("previtem", "nextitem") or f".{one.value}" in self.built
        return False


def _handed(macro: Node, call: Node) -> Iterator[tuple[str, Node]]:
    """What the call hands to each parameter of the macro."""
    names = [str(one.value) for one in macro.parts[0].parts]
    plain = [one for one in call.parts[1:] if one.kind != "keyword"]
    yield from zip(names, plain, strict=False)
    for one in call.parts[1:]:
        if one.kind == "keyword" and one.value in names:
            yield str(one.value), one.parts[0]


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
        case "bare":
            yield Fault(node.at, "a test whose argument stands in no brackets")
        case "const":
            yield from _of_constant(node)
        case "attr":
            name = str(node.value)
            if name.startswith("_") or name in words("reaching", "names"):
                yield Fault(node.at, f"the attribute {name} is not one of plain data")
            elif name in words("reaching", "uncalled") and id(node) not in whole.formats:
                yield Fault(node.at, f"the method {name} is not known to be inert")
        case "item":
            yield from _of_index(node.parts[1], whole)
        case "call":
            yield from _of_call(node, whole)
        case "filter":
            yield from _of_filter(node)
        case "test":
            if node.value not in words("tests", "names"):
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


def _is_wrong_key(text: str) -> bool:
    return text.startswith("_") or text in words("reaching", "uncalled")


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
    methods = words("methods", "keeping") | words("methods", "building")
    if function.kind == "attr" and (name in methods or id(function) in whole.formats):
        return
    if function.kind != "name" or name not in whole.named | words("functions", "names"):
        yield Fault(node.at, f"a call of {name if function.value else 'a computed value'}")
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
    if name not in words("filters", "keeping") | words("filters", "building"):
        yield Fault(node.at, f"the filter {name} is not known to be inert")
    elif name in _BY_ATTRIBUTE or (name in _BY_TEST and name.endswith("attr")):
        yield from _of_attributes(node, name, arguments)
    elif name in _BY_TEST:
        if arguments and arguments[0].value not in words("tests", "names"):
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
    if name.endswith("attr") and len(values) > 1 and values[1].value not in words("tests", "names"):
        yield Fault(node.at, f"{name} by a test that is not known")
    if name == "map" and arguments and arguments[0].kind != "keyword":
        mapped = words("filters", "keeping") | {"tojson"}
        if values[0].value not in mapped - _BY_ATTRIBUTE - _BY_TEST:
            yield Fault(node.at, f"map by {values[0].value!r}")


def _of_operator(node: Node, whole: _Whole) -> Iterator[Fault]:
    if node.value == "**":
        yield Fault(node.at, "a power")
    if node.value == "%" and whole.has_percent:
        yield Fault(node.at, "% may format a text, not divide a number")


def _of_name(node: Node, whole: _Whole) -> Iterator[Fault]:
    name = str(node.value)
    if name in words("reaching", "globals"):
        yield Fault(node.at, f"{name} is not a value that was handed in")
    is_value = id(node) not in whole.called and id(node) not in whole.targets
    if is_value and name in whole.named | words("functions", "names"):
        yield Fault(node.at, f"the function {name} is used as a value")


def _of_names(whole: _Whole) -> Iterator[Fault]:
    taken = {name for name, _ in whole.assigned}
    taken |= {str(p.value) for macro in whole.macros for p in macro.parts[0].parts}
    for name in sorted(taken & (whole.named | words("functions", "names"))):
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


def _of_growth(tree: Node) -> Iterator[Fault]:
    flow = Flow(tree)
    spaces = Namespaces(flow)
    yield from spaces.faults()
    found = []
    for circle in circles(flow):
        down = descent(flow, circle)
        if down is None or spaces.variables & {parameter for _, parameter in down.handed}:
            at = flow.macros[circle[0]].at
            yield Fault(at, f"the macro {circle[0]} calls itself: it may not end")
            return
        found.append(down)
    yield from Growth(flow, tuple(found), spaces).faults()


def _is_count(one: Node) -> bool:
    return (one.kind == "const" and type(one.value) is int) or (
        one.kind == "filter" and one.value in ("length", "count")
    )
