"""Finds what a project hands over to be called later: to frameworks, libraries and containers."""

import ast
from functools import cache
from typing import Any

from probatum.check.code_trees import rows
from probatum.check.code_trees import words as said
from probatum.check.entry_index import (
    BUILTINS,
    Index,
    Unit,
    Value,
    is_dotted,
    makes_new,
    plain,
    texts_in,
)
from probatum.check.entry_names import last, own_object
from probatum.check.entry_routes import Routes

_CONTAINS = ("append", "extend", "insert", "add")
_REGISTERS = (
    "register", "add_", "on_", "connect", "subscribe", "listen", "signal", "install", "hook",
    "before_", "after_", "teardown", "middleware", "exception_handler", "errorhandler",
    "context_processor", "include_", "mount", "set_",
)  # fmt: skip
_ANYWHERE = ("__dict__", "modules", "meta_path", "path_hooks")


class Handed(Routes):
    """Of one project what libraries call when they like, and what containers hold."""

    def __init__(self, index: Index) -> None:
        super().__init__(index)
        self.handled: list[Value] = []  # what a library calls when it likes
        self.fed: dict[str, list[Value]] = {}  # what is put into containers, by their names
        for name, stored in index.stored.items():
            if name.startswith("__") and name.endswith("__"):  # `__class__`, `__defaults__`
                self.handled += stored
        aliases = (alias for each in index.aliases.values() for alias in each)
        self._defined = {one.name for one in index.units.values()}.union(aliases, index.stored)
        self._sinks = _last_parts()
        self._put: list[tuple[list[Value], list[Value]]] = []
        self._register()
        self._grow()

    def _register(self) -> None:
        """Routes, and what else libraries are handed to call when they like."""
        for unit in list(self.index.units.values()):
            around = unit.around
            for decorator in unit.node.decorator_list if around is not None else ():
                assert around is not None
                if decorator in self.routes.get(unit, ()):
                    continue
                site = self.index.decorated[id(decorator)]
                if isinstance(decorator, (ast.Name, ast.Attribute)):
                    self.index.calls[last(decorator)].append(site)
                elif not (isinstance(decorator, ast.Call) and self.outside(decorator.func, around)):
                    self.index.indirect.append(site)
                if not self._only_wraps(decorator, around):
                    self.handled.append(Value(around, unit))
            if unit.is_class and (self._has_own_metaclass(unit) or _is_registered(unit)):
                self.handled += [Value(unit, one) for one in (unit, *self._below(unit.name))]
        self._settings()
        for word in (*said("framework's object"), *filter(_registers, self.index.calls)):
            for unit, call in self.index.calls.get(word, ()):
                if id(call) in self.routing:
                    continue
                given = [*call.args, *(one.value for one in call.keywords)]
                whole = self._is_framework(call.func, unit)
                kept = self.applications if whole else self.handled
                kept += [Value(unit, one) for one in given if self._is_held(Value(unit, one))]
        for unit, call in self.index.statements:
            if (
                id(call) in self.routing
                or self._is_own_call(call.func, unit)
                or self._runs_at_once(call.func, unit)
            ):
                continue
            given = [*call.args, *(one.value for one in call.keywords)]
            top = not isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef))
            self.handled += [
                Value(unit, one) for one in given if top or self._is_callable(one, unit)
            ]
        self._keep()
        for unit, base, value in self.index.patched:
            if self._is_library(base, unit) or self._is_hook(base, value, unit):
                self.handled.append(Value(unit, value))
        self.handled += [one for one in self.index.operands if self._is_callable(one.of, one.unit)]

    def _keep(self) -> None:
        """What functions of libraries are given, who may keep it, whatever becomes of the answer.

        A class of a library (its name is capital) keeps it in its object, which has a name.
        """
        passing = said("gives it back") | said("runs at once") | said("only wraps")
        for name, sites in self.index.calls.items():
            if name in passing or name in BUILTINS or name[:1].isupper():
                continue
            for unit, call in sites:
                if id(call) in self.routing:
                    continue
                given = (*call.args, *(one.value for one in call.keywords))
                named = [one for one in given if self._may_be_called(one, unit)]
                if named and not self._is_own_call(call.func, unit):
                    self.handled += [Value(unit, one) for one in named]

    def _may_be_called(self, node: Any, unit: Unit) -> bool:
        """Quickly, whether the expression may be a function, or an object with methods."""
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return any(self._may_be_called(one, unit) for one in node.elts)
        if isinstance(node, (ast.Name, ast.Attribute)):
            if last(node) in self._sinks and self.outside(node, unit):
                return True
        elif not isinstance(node, ast.Call):
            return isinstance(node, ast.Lambda)
        return last(node) in self._defined and self._is_callable(node, unit)

    def _runs_at_once(self, func: Any, unit: Unit) -> bool:
        """What the call is given runs for who calls it, or is followed by its container's name."""
        if last(func) in _CONTAINS:
            return not (isinstance(func, ast.Attribute) and self._is_library(func.value, unit))
        return last(func) in said("runs at once")

    def _is_hook(self, base: Any, value: Any, unit: Unit) -> bool:
        """A function kept in an attribute of what may be a library's object, which may call it;
        or an object of a class that is made for a library."""
        if isinstance(value, ast.Call):
            if not any(
                one.is_class and self._is_derived(one) for one in self._callees(value.func, unit)
            ):
                return False
        elif not self._is_callable(value, unit):
            return False
        cls = unit.around
        own = isinstance(base, ast.Name) and own_object(unit.scope(base.id)) == base.id
        if not own or cls is None or not cls.is_class or cls.around is None:
            return True
        return self._is_derived(cls)

    def _is_derived(self, cls: Unit) -> bool:
        """The class inherits from one that is no part of the project."""
        around = cls.around
        bases = cls.node.bases if around is not None else ()
        return any(around is not None and not self._callees(one, around) for one in bases)

    def _settings(self) -> None:
        """What a text in a setting names, as frameworks are told of middleware: `MIDDLEWARE`."""
        given = [
            value
            for unit in self.index.units.values()
            for name, values in (unit.binds.items() if unit.is_module else ())
            if name.isupper()
            for value in values
        ]
        for unit, base, more in self.index.grown:
            if isinstance(base, ast.Name) and base.id.isupper():
                given += [Value(unit, one) for one in more]
        for unit, of in given:
            for text in texts_in(of) if isinstance(of, ast.AST) else ():
                if is_dotted(text):
                    self.handled += self._imported(text.replace(":", "."), unit)

    def _has_own_metaclass(self, unit: Unit) -> bool:
        given = (one.value for one in unit.node.keywords if one.arg == "metaclass")
        return unit.around is not None and any(self._callees(one, unit.around) for one in given)

    def _is_library(self, base: Any, unit: Unit) -> bool:
        if isinstance(base, ast.Attribute):
            return bool(self.outside(base, unit))
        if not isinstance(base, ast.Name):
            return False
        return bool(self.outside(ast.Attribute(base, "x", ast.Load()), unit))

    def _is_callable(self, node: Any, unit: Unit) -> bool:
        """The expression names a function or class, or is a lambda, or an object of a class."""
        if isinstance(node, ast.Lambda):
            return True
        if isinstance(node, ast.Call):
            given = (*node.args, *(one.value for one in node.keywords))
            return self._is_callable(node.func, unit) or any(
                self._is_callable(one, unit) for one in given
            )
        return isinstance(node, (ast.Name, ast.Attribute)) and bool(self._callees(node, unit))

    def _only_wraps(self, decorator: Any, around: Unit) -> bool:
        """The decorator calls the function only where it is called; or it is the project's own."""
        func = decorator.func if isinstance(decorator, ast.Call) else decorator
        return last(func) in said("only wraps") or self._is_own_call(func, around)

    def _is_own_call(self, func: Any, unit: Unit) -> bool:
        """It can only be the project's own function that is called."""
        if not self._callees(func, unit):
            return False
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
            owner = unit.scope(func.value.id)
            bound = owner.binds.get(func.value.id, ()) if owner is not None else ()
            return bool(bound) and all(self._is_own_object_made(one) for one in bound)
        return isinstance(func, ast.Name)

    def _is_own_object_made(self, value: Value, depth: int = 0) -> bool:
        unit, of = value
        if isinstance(of, str):
            found = self._imported(of, unit) if depth < 4 else []
            return bool(found) and all(
                isinstance(one.of, Unit) or self._is_own_object_made(one, depth + 1)
                for one in found
                if one.of != of
            )
        return isinstance(of, ast.Call) and bool(self._callees(of.func, unit))

    def _grow(self) -> None:
        """What is put into containers: by the container's name, or, if others may hold it under
        another name, into everything."""
        for unit, base, given in self.index.grown:
            if id(base) in self.routing:
                continue
            values = [Value(unit, one) for one in given]
            while isinstance(base, (ast.Subscript, ast.Starred)):
                base = base.value
            if isinstance(base, ast.Attribute) and base.attr not in _ANYWHERE:
                if self._is_library(base, unit):
                    self.handled += [one for one in values if self._is_callable(one.of, unit)]
                    continue
                kept = self.index.named.get(plain(base.attr), [])
                self.fed.setdefault(plain(base.attr), []).extend(values)
                fresh = bool(kept) and all(self._is_new(one) for one in kept)
            elif isinstance(base, ast.Name):
                fresh = self._fed_by_name(base.id, unit, values)
            else:
                fresh = False
            if not fresh:
                self.handled += [one for one in values if self._is_held(one)]

        for bound, put in self._put:  # now that all has been asked of what they were bound to
            bound += put

    def _fed_by_name(self, name: str, unit: Unit, values: list[Value]) -> bool:
        owner = unit.scope(name)
        if owner is None or name in owner.parameters:
            return False
        bound = owner.binds[name]
        if any(isinstance(one.of, str) for one in bound):
            if self._is_library(ast.Name(name, ast.Load()), unit):
                return True
            last = [one.of.rpartition(".")[2] for one in bound if isinstance(one.of, str)]
            for one in last:
                self.fed.setdefault(one, []).extend(values)
            return all(self._is_new(one) for last_name in last for one in self._kept(last_name))
        self.fed.setdefault(name, []).extend(values)
        if not owner.is_module and not owner.is_class:
            self._put.append((bound, values))
        return all(self._is_new(one) for one in bound)

    def _kept(self, name: str) -> list[Value]:
        return [one for one in self.index.named.get(name, ()) if not isinstance(one.of, str)]

    def _is_new(self, value: Value) -> bool:
        """An object that no other name holds: a display, or what a library makes."""
        of = value.of
        if isinstance(of, ast.Call):
            return not self._callees(of.func, value.unit) and last(of.func) != ""
        return isinstance(of, ast.AST) and makes_new(of)

    def _is_held(self, value: Value) -> bool:
        return not isinstance(value.of, (ast.Constant, ast.JoinedStr, ast.Compare))


def _is_registered(unit: Unit) -> bool:
    """A class of a library keeps those that inherit from it."""
    return any(last(one) in said("keeps subclasses") for one in unit.node.bases)


@cache
def _last_parts() -> frozenset[str]:
    """The last parts of the names of all sinks."""
    named = (name for row in rows("sinks")["sink"] for name in row.get("calls", ()))
    return frozenset(name.rpartition(".")[2] for name in named)


def _registers(name: str) -> bool:
    """By its name a call that keeps what it is given, to call it later."""
    return name.startswith(_REGISTERS) and name not in said("runs at once")
