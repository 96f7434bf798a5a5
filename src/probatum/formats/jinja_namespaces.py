"""Tells which variables of a Jinja template may be a namespace, which loops and macros share.

A namespace may be set to a name, be handed to a macro, be chosen by `if`, and be read by attribute
or key. Where it stands anywhere else (in a list, before a filter) nothing more is known.

Source: jinja2 utils.py Namespace (3.1).
"""

from collections.abc import Iterator

from probatum.formats.jinja import Node
from probatum.formats.jinja_flow import Flow
from probatum.formats.jinja_rules import Fault

_CHOOSING = frozenset({"if", "and", "or"})
_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not"})


class Namespaces:
    """The variables that may be a namespace, and the attributes that namespaces have."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.fields = {one.target for one in flow.emits if one.target.startswith(".")}
        self.variables: set[str] = set()
        while (
            more := {
                one.target for one in flow.emits if one.value is not None and self.may_be(one.value)
            }
            - self.variables
        ):
            self.variables |= more

    def may_be(self, value: Node) -> bool:
        """Whether the value may be a namespace."""
        match value.kind:
            case "name":
                return not self.variables.isdisjoint(self._flow.meaning(value))
            case "call":
                return value.parts[0].kind == "name" and value.parts[0].value == "namespace"
            case "op" if value.value in _CHOOSING:
                return any(map(self.may_be, value.parts))
            case "attr" | "item":
                return not self.variables.isdisjoint(self.read(value))
        return False

    def read(self, part: Node) -> set[str]:
        """The attributes of namespaces that an attribute or a key may mean."""
        if not self.may_be(part.parts[0]):
            return set()
        if part.kind == "attr":
            return {f".{part.value}"} & self.fields
        key = part.parts[1]
        return {f".{key.value}"} & self.fields if key.kind == "const" else self.fields

    def faults(self) -> Iterator[Fault]:
        """Where a namespace is used as a value of another kind."""
        for emit in self._flow.emits:
            if emit.value is None:
                continue
            kept = not emit.piles and "$loop@" not in emit.target
            yield from self._strayed(emit.value, kept=kept and emit.target not in self._flow.loops)

    def _strayed(self, value: Node, *, kept: bool) -> Iterator[Fault]:
        if not kept and self.may_be(value):
            yield Fault(value.at, "a namespace that is used as a value")
        is_macro = value.kind == "call" and value.parts[0].value in self._flow.macros
        chooses = value.kind == "op" and value.value in _CHOOSING | _COMPARING
        for at, one in enumerate(value.parts):
            part = value.kind in ("attr", "item", "test") and at == 0
            fine = part or is_macro or (value.kind == "keyword" and kept)
            yield from self._strayed(one, kept=fine or chooses)
