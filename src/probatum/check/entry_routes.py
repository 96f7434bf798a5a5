"""Finds the handlers that known frameworks call for their own requests, and for nothing else."""

import ast
from typing import Any

from probatum.check.code_trees import words as said
from probatum.check.entry_index import Index, Unit, Value
from probatum.check.entry_names import Names, last

HANDLERS = ("endpoint", "view", "view_func", "handler", "func", "fn", "callback")


class Routes(Names):
    """Of one project the routes: by a decorator, by a call that is given the handler."""

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        self.routes: dict[Unit, list[ast.expr]] = {}
        self.called: dict[Unit, list[Value]] = {}  # handlers, each with the calls and where
        self.routing: set[int] = set()  # such calls, and what they are methods of
        self.applications: list[Value] = []  # what they are made of: routes run for themselves
        for unit in index.units.values():
            for decorator in unit.node.decorator_list if unit.around is not None else ():
                if unit.around is not None and self.is_route(decorator, unit.around):
                    self.routes.setdefault(unit, []).append(decorator)
        self._route_calls()

    def _route_calls(self) -> None:
        """The calls that tell a known framework's object of handlers: `app.add_api_route`."""
        for word in sorted(said("entry call") | said("entry event")):
            event = word in said("entry event")
            for unit, call in self.index.calls.get(word.rpartition(".")[2], ()):
                if not event and not self.is_routing(word, call, unit):
                    continue
                owned = self._is_of_page if event else self._is_of_application
                found = self.handlers(call, unit)
                if "." in word:
                    self.routing.add(id(call))
                elif len(found) == 1 and owned(call.func, unit):
                    self.routing |= {id(call), id(getattr(call.func, "value", None))}
                else:
                    continue
                for one in found:
                    self.called.setdefault(one, []).append(Value(unit, call))
        for unit, call in self.index.calls.get("add_routes", ()):
            if self._is_of_application(call.func, unit):
                self.routing.add(id(call))
                self.applications += [Value(unit, one) for one in call.args]

    def is_routing(self, word: str, call: ast.Call, unit: Unit) -> bool:
        """The call is one that gives a framework a handler: a method, or by its full name."""
        if "." not in word:
            return isinstance(call.func, ast.Attribute)
        return self.full_name(call.func, unit) == word

    def handlers(self, call: ast.Call, unit: Unit) -> list[Unit]:
        """What the handler may be that a call is given: a function, a class, `View.as_view()`."""
        given = [one.value for one in call.keywords if one.arg in HANDLERS]
        return [found for one in (*call.args, *given) for found in self._handler(one, unit)]

    def _handler(self, node: ast.expr, unit: Unit, depth: int = 0) -> list[Unit]:
        if not isinstance(node, ast.Call) or depth > 3:
            return self._callees(node, unit)
        if last(node) in ("as_view", "as_asgi"):
            return self._callees(getattr(node.func, "value", None), unit)
        return [found for one in node.args for found in self._handler(one, unit, depth + 1)]

    def _is_of_application(self, func: ast.expr, unit: Unit) -> bool:
        base = func.value if isinstance(func, ast.Attribute) else None
        if isinstance(base, ast.Attribute) and base.attr == "router":
            base = base.value
        return isinstance(base, ast.Name) and self._is_application(base.id, unit)

    def _is_of_page(self, func: ast.expr, unit: Unit) -> bool:
        """What is called is a method of a part of a page, as its library makes them."""
        base: ast.expr = func
        while isinstance(base, (ast.Attribute, ast.Call)):
            base = base.value if isinstance(base, ast.Attribute) else base.func
        owner = unit.scope(base.id) if isinstance(base, ast.Name) else None
        bound = owner.binds.get(base.id, ()) if owner is not None else ()  # type: ignore[attr-defined]
        return bool(bound) and all(
            isinstance(one.of, ast.Call)
            and self.full_name(one.of.func, one.unit).partition(".")[0] in said("makes pages")
            for one in bound
        )

    def makes_route(self, unit: Unit, call: ast.Call) -> bool:
        """The call makes a route, or several, whose handlers run for their own requests."""
        return self.full_name(call.func, unit) in said("entry call")

    def holds_routes(self, unit: Unit, call: ast.Call) -> bool:
        full = self.full_name(call.func, unit)
        return full in said("holds routes") or self._is_framework(call.func, unit)

    def is_route(self, decorator: Any, around: Unit) -> bool:
        """The decorator makes the function one that a known framework calls for a request."""
        func = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(func, ast.Name):
            owner = around.scope(func.id)
            given = owner.binds.get(func.id, ()) if owner is not None else ()
            return func.id in said("entry decorator") and all(
                isinstance(one.of, str) and not self._imported(one.of, one.unit) for one in given
            )
        if not isinstance(func, ast.Attribute) or func.attr not in said("entry method"):
            return False
        if self.outside(func, around):
            return True
        return isinstance(func.value, ast.Name) and self._is_application(func.value.id, around)

    def _is_application(self, name: str, unit: Unit, depth: int = 0) -> bool:
        """The name is bound to objects of known frameworks alone, wherever it is imported from."""
        owner = unit.scope(name)
        if owner is None or depth > 4:
            return False
        if name in owner.parameters:
            return self._is_annotated(owner, name) and name not in owner.binds
        given = [*owner.binds.get(name, ()), *self.index.stored.get(name, ())]
        return bool(given) and all(self._makes_application(one, depth) for one in given)

    def _makes_application(self, value: Value, depth: int) -> bool:
        unit, of = value
        if isinstance(of, ast.Call):
            return self._is_framework(of.func, unit)
        if isinstance(of, str):
            found = self._imported(of, unit)
            return bool(found) and all(self._makes_application(one, depth + 1) for one in found)
        if isinstance(of, Unit) and not of.is_module and of.around is not None:
            around = of.around
            return any(self.is_route(one, around) for one in of.node.decorator_list)
        return self._is_framework(of, unit)

    def _is_annotated(self, owner: Unit, name: str) -> bool:
        for one in ast.walk(owner.node.args):
            if isinstance(one, ast.arg) and one.arg == name and one.annotation is not None:
                return self._is_framework(one.annotation, owner.around or owner)
        return False

    def _is_framework(self, node: Any, unit: Unit) -> bool:
        """The expression is a known framework's class, imported from outside of the project."""
        if last(node) not in said("framework's object"):
            return False
        if isinstance(node, ast.Attribute):
            return bool(self.outside(node, unit))
        owner = unit.scope(node.id) if isinstance(node, ast.Name) else None
        given = owner.binds.get(node.id, ()) if owner is not None else ()
        return bool(given) and all(
            isinstance(one.of, str) and not self._imported(one.of, one.unit) for one in given
        )


def roots(route: Any) -> set[str]:
    """The names of what a route is made with: `app` and `router` of `app.router.get(…)`."""
    return {last(one) for one in _bases(route)}


def root(route: Any) -> Any:
    return (_bases(route) or [getattr(route, "func", route)])[-1]


def _bases(route: Any) -> list[Any]:
    found: list[Any] = []
    node = route.func if isinstance(route, ast.Call) else route
    while isinstance(node, (ast.Attribute, ast.Call)):
        node = node.value if isinstance(node, ast.Attribute) else node.func
        found.append(node)
    return found
