"""Finds where a Jinja template reaches for Python's own attributes, also where it spells them.

A name put together of constants is worked out: `'__cl' ~ 'ass__'`, `%`, `join`, `replace`,
`reverse`, `format`, slices, case, and a variable that is set once.

Source: jinja2/sandbox.py; CVE-2024-34359; the usual payloads of server-side template injection.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from probatum.formats.jinja import Node
from probatum.formats.jinja_rules import speaks_of_python

_MOST = 4096
_BY_NAME = frozenset(
    {"attr", "map", "selectattr", "rejectattr", "sort", "groupby", "unique", "sum"}
)


class Reached(Struct, frozen=True):
    """An attribute of Python's own that the template asks for; `spelt` where it is hidden."""

    at: int
    name: str
    how: str
    spelt: bool


def reached(tree: Node) -> Iterator[Reached]:
    """Every place at which an attribute that leads out of plain data is asked for."""
    known = _Constants(tree)
    for one in tree.all():
        if one.kind == "attr" and _leads_out(str(one.value)):
            yield Reached(one.at, str(one.value), "the attribute is read", spelt=False)
        elif one.kind == "item":
            yield from _of(one.parts[1], "the key names an attribute", known)
        elif one.kind == "filter" and one.value in _BY_NAME:
            for argument in one.parts[1:]:
                value = argument.parts[0] if argument.kind == "keyword" else argument
                yield from _of(value, f"the filter {one.value} reads the attribute", known)


def _of(value: Node, how: str, known: "_Constants") -> Iterator[Reached]:
    said = known.value(value)
    if isinstance(said, str):
        for part in said.split("."):
            if _leads_out(part):
                yield Reached(value.at, part, how, spelt=value.kind != "const")


def _leads_out(name: str) -> bool:
    return name.startswith("__") or (name[:1].isalpha() and _is_frame(name))


def _is_frame(name: str) -> bool:
    return name.split("_")[0] in ("gi", "cr", "ag", "f", "tb", "func", "im") and (
        speaks_of_python(name)
    )


class _Constants:
    def __init__(self, tree: Node) -> None:
        sets = [one for one in tree.all() if one.kind == "set" and one.parts[0].kind == "name"]
        names = [str(one.parts[0].value) for one in sets]
        self._set = {n: s.parts[1] for n, s in zip(names, sets, strict=True) if names.count(n) == 1}
        self._busy: set[str] = set()

    def value(self, node: Node) -> Any:
        """What the expression always is: text, number or list; None where that is not known."""
        try:
            said = self._value(node)
        except (TypeError, ValueError, IndexError, KeyError, OverflowError, AttributeError):
            return None
        return said if not isinstance(said, str | list) or len(said) <= _MOST else None

    def _value(self, node: Node) -> Any:
        match node.kind:
            case "const":
                return node.value
            case "list":
                items = [self.value(one) for one in node.parts]
                return None if None in items else items
            case "name":
                return self._named(str(node.value))
            case "op":
                return _computed(str(node.value), [self.value(one) for one in node.parts])
            case "filter":
                values = [self.value(one) for one in node.parts if one.kind != "keyword"]
                return _filtered(str(node.value), *values)
            case "call" if node.parts[0].kind == "attr":
                texts = [self.value(one) for one in (node.parts[0].parts[0], *node.parts[1:])]
                return _filtered(str(node.parts[0].value), *texts)
            case "item" if node.parts[1].kind == "slice":
                # Of slices only the one that turns a text round is worth working out.
                turned = node.parts[1].value == 2 and self.value(node.parts[1].parts[-1]) == -1
                return self.value(node.parts[0])[::-1] if turned else None
        return None

    def _named(self, name: str) -> Any:
        if name in self._busy or name not in self._set:
            return None
        self._busy.add(name)
        try:
            return self.value(self._set[name])
        finally:
            self._busy.discard(name)


def _computed(operator: str, values: list[Any]) -> Any:
    if None in values:
        return None
    match operator, values:
        case "-", [int() as one]:
            return -one
        case "~", [left, right]:
            return f"{left}{right}"
        case "+", [str() | list() | int(), str() | list() | int()]:
            return values[0] + values[1]
        case "*", [str() as text, int() as times] if len(text) * times <= _MOST:
            return text * times
        case "%", [str() as text, str() as one] if text.count("%") == 1:
            return text.replace("%s", one)
        case "%", [str() as text, list() as many] if text.count("%s") == len(many):
            for one in many:
                text = text.replace("%s", str(one), 1)
            return text
    return None


def _filtered(name: str, value: Any, *arguments: Any) -> Any:
    if value is None or None in arguments:
        return None
    match name:
        case "join" if isinstance(value, str):  # the method: the text stands first
            return value.join(map(str, arguments[0]))
        case "join":
            return (arguments[0] if arguments else "").join(map(str, value))
        case "replace":
            return str(value).replace(arguments[0], arguments[1])[: _MOST + 1]
        case "reverse":
            return value[::-1]
        case "lower" | "upper" | "strip" | "title":
            return getattr(str(value), name)()
        case "trim" | "string" | "list":
            return str(value).strip() if name == "trim" else value
        case "format" if value.count("%s") == len(arguments):
            return _computed("%", [value, list(arguments)])
        case "format" if value.count("{}") == len(arguments):
            for one in arguments:
                value = value.replace("{}", str(one), 1)
            return value
    return None
