"""Re-derives which variables of a Jinja template may be namespaces, for the checker of templates.

A namespace may be set, handed to a macro, chosen, compared, tested, and read by attribute or key.
"""

import ast

from probatum.check.template_flow import Flow
from probatum.check.template_tags import demand


class Spaces:
    """The variables that may be a namespace, and the attributes that namespaces have."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._fields = {one.target for one in flow.emits if one.target.startswith(".")}
        self.variables: set[str] = set()
        while more := self._found() - self.variables:
            self.variables |= more
        for emit in flow.emits:
            if emit.value is not None:
                looped = emit.target.startswith("loop@") or emit.target in flow.rounds
                self._stray(emit.value, kept=not (emit.piles or looped))

    def _found(self) -> set[str]:
        return {e.target for e in self._flow.emits if e.value is not None and self.may_be(e.value)}

    def may_be(self, value: ast.AST) -> bool:
        """Whether the value may be a namespace."""
        match value:
            case ast.Name():
                return not self.variables.isdisjoint(self._flow.meaning(value))
            case ast.Call(func=ast.Name(id=name)):
                return name == "v_namespace"
            case ast.IfExp(body=body, orelse=other):
                return self.may_be(body) or self.may_be(other)
            case ast.BoolOp(values=values):
                return any(map(self.may_be, values))
            case ast.Attribute() | ast.Subscript():
                return not self.variables.isdisjoint(self.read(value))
        return False

    def read(self, part: ast.Attribute | ast.Subscript) -> set[str]:
        """The attributes of namespaces that are read."""
        if not self.may_be(part.value):
            return set()
        if isinstance(part, ast.Attribute):
            return {f".{part.attr}"} & self._fields
        if isinstance(part.slice, ast.Constant):
            return {f".v_{part.slice.value!s}"} & self._fields
        return self._fields

    def _stray(self, value: ast.AST, *, kept: bool) -> None:
        demand(kept or not self.may_be(value), "5: a namespace as a value")
        name = ""
        if isinstance(value, ast.Call):
            is_method = isinstance(value.func, ast.Attribute)
            name = value.func.attr if is_method else getattr(value.func, "id", "")  # type: ignore[attr-defined]
        for one in ast.iter_child_nodes(value):
            fine = name in self._flow.macros or name == "v_namespace"
            match value:
                case ast.IfExp() | ast.BoolOp() | ast.Compare() | ast.UnaryOp():
                    fine = True
                case ast.Attribute(attr=attr):
                    fine = not attr.startswith("filter_")
                case ast.Subscript():
                    fine = one is value.value
                case ast.keyword():
                    fine = kept
            self._stray(one, kept=fine)
