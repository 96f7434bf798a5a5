"""Follows, by names alone, what may run where a function runs.

Two questions are asked of a node: what runs with it (a unit: everything that its text names), and
what a name, attribute or expression may be (its values, wherever in the project they are bound).
A function that a value may be is taken to run; of a class all methods, since a library may call
any of them. What libraries are handed for later (decorators, handlers, listeners, entries of
containers whose owner is not known) runs with everything.
"""

import ast
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from probatum.check.code_trees import words as said
from probatum.check.entry_index import (
    BUILTINS,
    DEFINED,
    Index,
    Unit,
    Value,
    is_dotted,
    plain,
    texts_in,
)
from probatum.check.entry_names import (
    absolute,
    children,
    fetched_name,
    last,
    may_be_builtin,
    own_object,
)
from probatum.check.entry_passed import Passed
from probatum.check.entry_routes import HANDLERS, root, roots

_MAKING = ("__init__", "__new__", "__post_init__", "__init_subclass__", "__class_getitem__")
_FETCHING = ("getattr", "hasattr", "setattr", "delattr")


class Node(NamedTuple):
    """`run` a unit, the `value` of an expression, a `cell` (a name of a unit), an `attribute`,
    what a unit `gives` back. With `bare` the routes of an application do not count."""

    kind: str
    unit: Unit | None
    of: Any = None
    bare: bool = False


class Note(NamedTuple):
    """A name said by code that runs: `outside` in full, `attribute` of something, or `hiding`."""

    kind: str
    name: str


class Reach(Passed):
    """The nodes of one project, each with what follows from it; worked out when asked for."""

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        self.places: dict[Note, tuple[str, int]] = {}
        self.everything = Node("everything", None)

    def follow(self, node: Node) -> tuple[list[Node], list[Note]]:
        """The nodes that follow from one, and what is said at it."""
        self._next: list[Node] = []
        self._notes: list[Note] = []
        unit, of = node.unit, node.of
        self._bare = node.bare
        if node.kind == "everything":
            self._of_values(self.handled)
            self._bare = True
            self._of_values(self.applications)
            self._bare = False
            for module in self.index.units.values():
                if module.is_module and "__getattr__" in module.binds:
                    self._of_values(module.binds["__getattr__"])
        elif node.kind == "attribute":
            self._attribute(of)
        elif unit is not None and node.kind == "run":
            self._run(unit, constructs=of is not False)
        elif unit is not None and node.kind == "cell":
            self._cell(unit, of)
        elif unit is not None and node.kind == "gives":
            self._gives(unit)
        elif unit is not None and node.kind == "imported":
            found = self._imported(of, unit)
            self._of_values(found)
            self._of_values(self.fed.get(of.rpartition(".")[2], ()))
            if not found:
                self._note("outside", of.lstrip("."), unit, unit.node)
        elif unit is not None:
            self._value(of, unit)
        return self._next, self._notes

    # What runs

    def _run(self, unit: Unit, *, constructs: bool) -> None:
        node = unit.node
        around = unit.around
        if unit.is_module or around is None:
            if constructs:
                self._text([one for one in node.body if not isinstance(one, DEFINED)], unit)
            return
        self._decorations(unit, around)
        for where, call in self.called.get(unit, ()):
            for one in (*call.args, *(each.value for each in call.keywords)):
                self._next.append(Node("value", where, one, bare=True))
            self._next.append(Node("value", where, root(call), bare=True))
        if unit.is_class:
            self._text([*node.bases, *node.keywords], around)
            self._text([one for one in node.body if not isinstance(one, DEFINED)], unit)
            for held in unit.held:
                if constructs or held.name not in _MAKING:
                    self._add("run", held)
        else:
            self._text([node.args, *([node.returns] if node.returns else [])], around)
            self._annotation(node.returns, around)
            self._text([one for one in node.body if not isinstance(one, DEFINED)], unit)
            for held in unit.held:
                self._add("run", held)

    def _decorations(self, unit: Unit, around: Unit) -> None:
        for decorator in unit.node.decorator_list:
            if decorator in self.routes.get(unit, ()):
                self._route(decorator, around)
            else:
                self._text([decorator], around)

    def _route(self, decorator: Any, around: Unit) -> None:
        """Of an application that a route is made with: its parts, not its other routes."""
        if isinstance(decorator, ast.Call):
            self._text([*decorator.args, *decorator.keywords], around)
            decorator = decorator.func
        root = decorator.value if isinstance(decorator, ast.Attribute) else decorator
        self._next.append(Node("value", around, root, bare=True))

    def _text(self, nodes: Iterable[ast.AST], unit: Unit) -> None:
        """Everything that a text names runs with it; definitions inside are units of their own."""
        waiting: list[Any] = list(nodes)
        while waiting:
            node = waiting.pop()
            if isinstance(node, DEFINED):
                self._add("run", self.index.units[id(node)])
                continue
            inner: Iterable[Any] = children(node)
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in _FETCHING:
                    fetched = fetched_name(node)
                    if fetched is not None and unit.scope(name) is None:
                        self._said_attribute(fetched, unit, node)
                        inner = [*node.args, *node.keywords]
                case ast.Import() | ast.ImportFrom():
                    self._import(node, unit)
                case ast.Call(func=ast.Name(id="type"), args=[_, _, _]):
                    self._note("hiding", "type", unit, node)
                case ast.Name(ctx=ast.Load()):
                    self._name(node, unit)
                case ast.Attribute(attr=name, value=base):
                    dotted = self.outside(node, unit)
                    if dotted:
                        self._note("outside", dotted, unit, node)
                        self._of_values(self.index.stored.get(name, ()))
                        self._hidden(name, unit, node)
                        inner = ()
                    else:
                        self._said_attribute(name, unit, node)
                        if self._is_self(base, unit):
                            inner = ()
                case ast.Constant(value=str(text)):
                    self._string(text, unit, node)
                case ast.arg(annotation=said_there) | ast.AnnAssign(annotation=said_there):
                    self._annotation(said_there, unit)
            waiting.extend(inner)

    def _import(self, node: ast.Import | ast.ImportFrom, unit: Unit) -> None:
        """A module that is imported runs, where it is imported by what runs for a request."""
        module = ""
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
        dot = "." if module and not module.endswith(".") else ""
        for alias in node.names:
            whole = alias.name if not module else module + dot + alias.name
            parts = absolute(whole, unit.file)
            for end in range(1, len(parts) + 1):
                for one in self._files(parts[:end]):
                    self._add("run", one)

    def _said_attribute(self, name: str, unit: Unit, node: Any) -> None:
        self._hidden(name, unit, node)
        self._note("attribute", name, unit, node)
        self._next.append(Node("attribute", None, plain(name)))

    def _hidden(self, name: str, unit: Unit, node: Any) -> None:
        if name in _hiding():
            self._note("hiding", name, unit, node)
        if name in said("reaches a route") and not self._bare:
            for routed in (*self.routes, *self.called):
                self._add("run", routed)

    def _string(self, text: str, unit: Unit, node: Any) -> None:
        if is_dotted(text):
            self._note("outside", text.replace(":", "."), unit, node)
        for value in self.named_by(text, unit):
            self._of_value(value)

    def _annotation(self, node: ast.expr | None, unit: Unit, depth: int = 0) -> None:
        """What stands in an annotation as text is code."""
        for text in texts_in(node) if node is not None and depth < 4 else ():
            try:
                inner = ast.parse(text, mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            self._text([inner], unit)
            self._annotation(inner, unit, depth + 1)

    def _is_self(self, base: Any, unit: Unit) -> bool:
        """`self` of a method: what its attributes are is looked up by name."""
        return isinstance(base, ast.Name) and own_object(unit.scope(base.id)) == base.id

    # What something may be

    def _name(self, node: ast.Name, unit: Unit) -> None:
        name = node.id
        self._hidden(name, unit, node)
        owner = unit.scope(name)
        if owner is not None:
            self._next.append(Node("cell", owner, name, self._bare))
            if name in BUILTINS and may_be_builtin(owner, name):
                self._builtin(name, unit, node)
            return
        self._of_values(self.index.stored.get(name, ()))
        if name in BUILTINS:
            self._builtin(name, unit, node)
        else:
            self._next.append(Node("attribute", None, plain(name), self._bare))
        for star in unit.module.stars:
            self._note("outside", f"{star.lstrip('.')}.{name}", unit, node)
            self._next.append(Node("attribute", None, name, self._bare))

    def _builtin(self, name: str, unit: Unit, node: Any) -> None:
        self._keep_note(Note("outside", f"builtins.{name}"), unit, node)
        if name in said("hides a name") | said("hides a call"):
            self._note("hiding", name, unit, node)

    def _cell(self, owner: Unit, name: str) -> None:
        self._of_values(owner.binds.get(name, ()))
        if owner.is_module:
            self._of_values(self.index.stored.get(name, ()))
        if owner.is_module or owner.is_class:
            self._of_values(self.fed.get(name, ()))
            if not self._bare:
                self._routes_of(name)
        if name in owner.parameters:
            self._parameter(owner, name)

    def _attribute(self, name: str) -> None:
        self._of_values(self.index.named.get(name, ()))
        self._of_values(self.fed.get(name, ()))
        if self._is_field(name):
            self._of_values(self.index.keywords.get(name, ()))
            for one in self.index.named[name]:
                if one.unit.is_class:
                    for cls in (one.unit, *self._below(one.unit.name)):
                        self._of_values(self._given_to(cls.name, name))
            self._of_values(self._relays())
        if not self._bare:
            self._routes_of(name)

    def _routes_of(self, name: str) -> None:
        """What an application so named calls, when it is asked to: all its handlers."""
        for unit, decorators in self.routes.items():
            if any(name in roots(one) for one in decorators):
                self._add("run", unit)
        for unit, calls in self.called.items():
            if any(name in roots(one.of) and not self.makes_route(*one) for one in calls):
                self._add("run", unit)

    def _parameter(self, owner: Unit, name: str) -> None:
        if own_object(owner) == name and owner.around is not None:
            for cls in (owner.around, *self._below(owner.around.name)):
                self._add("run", cls, False)
            return
        called = [owner.name]
        if owner.around is not None and owner.around.is_class and owner.name.startswith("__"):
            called.append(owner.around.name)
            called += [one.name for one in self._below(owner.around.name)]
        for one in called:
            self._of_values(self._given_to(one, name))
        self._of_values(self.index.stored.get(plain(owner.name), ()))  # of a property
        if owner.name in ("__set__", "__setattr__"):
            for kept in self.index.stored.values():
                self._of_values(kept)
        unseen = owner.name.startswith("__") or owner.name in self.index.escaping
        if unseen or not isinstance(owner.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._of_values(self._relays())

    def _gives(self, unit: Unit) -> None:
        """What a function returns and yields, and what its decorators make of it."""
        waiting: list[Any] = list(unit.node.body)
        later = isinstance(unit.node, ast.AsyncFunctionDef)  # it runs where its answer is used
        while waiting:
            node = waiting.pop()
            if isinstance(node, (*DEFINED, ast.Lambda)):
                continue
            if isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) and node.value is not None:
                self._add("value", unit, node.value)
            if isinstance(node, (ast.Yield, ast.YieldFrom)):
                later = True
            waiting.extend(ast.iter_child_nodes(node))
        if later:
            self._add("run", unit)
        around = unit.around
        for decorator in unit.node.decorator_list if around is not None else ():
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            for one in self._callees(func, around) if around is not None else ():
                for held in one.held:
                    self._add("gives", held)

    def _value(self, node: Any, unit: Unit) -> None:
        """The parts of an expression that its value may be, or hold."""
        match node:
            case ast.Name():
                self._name(node, unit)
            case ast.Attribute(attr=name, value=base):
                dotted = self.outside(node, unit)
                if dotted:
                    self._note("outside", dotted, unit, node)
                    self._of_values(self.index.stored.get(name, ()))
                else:
                    self._next.append(Node("attribute", None, plain(name), self._bare))
                    if not self._is_self(base, unit):
                        self._add("value", unit, base)
            case ast.Call():
                self._answer(node, unit)
            case ast.Lambda(args=arguments, body=body):
                self._bare = False
                self._text([arguments, body], unit)
            case ast.Subscript(value=base, slice=inner):  # `d[key]`, and `Optional[Class]`
                self._add("value", unit, base)
                self._add("value", unit, inner)
            case ast.ListComp(elt=elt) | ast.SetComp(elt=elt):
                self._add("value", unit, elt)
            case ast.GeneratorExp():
                self._bare = False
                self._text([node], unit)
            case ast.Yield():
                self._of_values(self._relays())
            case ast.Constant(value=str(text)):
                for value in self.named_by(text, unit):
                    self._of_value(value)
            case ast.JoinedStr() | ast.Compare() | ast.Constant():
                pass
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._add("value", unit, child)

    def _answer(self, call: ast.Call, unit: Unit) -> None:
        """What a call gives: what the function returns; of a library's, all that it is given."""
        name = last(call.func)
        given = [*call.args, *(one.value for one in call.keywords)]
        if self._bare and self.makes_route(unit, call):
            given = [one.value for one in call.keywords if one.arg not in HANDLERS]
            given += [
                one for one in call.args if not self.handlers(ast.Call(call.func, [one], []), unit)
            ]
        elif self._bare and not self.holds_routes(unit, call):
            self._bare = False  # its own code may use what it is given
        if name in _FETCHING and isinstance(call.func, ast.Name) and unit.scope(name) is None:
            fetched = fetched_name(call)
            if fetched is not None:
                self._hidden(fetched, unit, call)
                self._next.append(Node("attribute", None, plain(fetched), self._bare))
                for one in call.args:
                    self._add("value", unit, one)
                return
        callees = self._callees(call.func, unit)
        for called in callees:
            self._add(
                "run" if called.is_class else "gives", called, False if called.is_class else None
            )
        if callees and isinstance(call.func, ast.Name):
            return
        self._add("value", unit, call.func)
        for one in given:
            self._add("value", unit, one)

    # What stands behind a name

    def _of_values(self, values: Iterable[Value]) -> None:
        for one in values:
            self._of_value(one)

    def _of_value(self, value: Value) -> None:
        unit, of = value
        if isinstance(of, Unit):
            if not of.is_module:
                self._add("run", of)
        elif isinstance(of, str):
            self._add("imported", unit, of)
        else:
            self._add("value", unit, of)

    # Keeping

    def _add(self, kind: str, unit: Unit, of: Any = None) -> None:
        self._next.append(
            Node(kind, unit, of, self._bare and kind in ("value", "cell", "imported"))
        )

    def _note(self, kind: str, name: str, unit: Unit, node: Any) -> None:
        if kind == "outside" and (
            name == "sys"
            or name.endswith("sys.modules")
            or not _hiding().isdisjoint(name.split("."))
        ):
            self._note("hiding", name, unit, node)
        self._keep_note(Note(kind, name), unit, node)

    def _keep_note(self, note: Note, unit: Unit, node: Any) -> None:
        self._notes.append(note)
        self.places.setdefault(note, (unit.file, getattr(node, "lineno", 1)))


@cache
def _hiding() -> frozenset[str]:
    """The names that hide a call as an attribute: of built-ins there are too many others' of."""
    return said("hides a name") - BUILTINS | said("hides a call")
